//! A central that is told of Druid: what the log holds is in Druid once, and `/readyz` says what is wrong with it.

use std::time::{Duration, Instant};

use footfall_daemon::secret::Secret;
use footfall_druid::{Druid, Options, Scope};
use footfall_log::kafka;

use super::{clear, topic};
use crate::log::fixture::{self, LogFixture, SITES};
use crate::readiness::settings;
use crate::support::central::{Place, quoted};
use crate::support::{NOON_MS, http, services};

const RECORDS: u64 = 600;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Until Druid's first task reads, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_mins(3);

/// How Druid reaches the Kafka of these options.
fn consumer(options: &kafka::Options) -> String {
    let (user, file) = options.user.as_ref().expect("a user");
    let password = Secret::read(file).expect("a password");
    let ca = options.ca.as_ref().expect("an authority").display();
    format!(
        "# How Druid logs in.\nbootstrap.servers={}\nsecurity.protocol={}\nsasl.mechanism={}\n\
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{user}\" password=\"{}\";\n\
         ssl.truststore.type=PEM\nssl.truststore.location={ca}\n",
        options.bootstrap,
        options.security,
        options.mechanism,
        password.reveal()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_holds_is_in_druid_once_and_who_tells_it_to_rest_is_told_how_to_go_on() {
    let fixture = LogFixture::kafka();
    let LogFixture::Kafka(options) = &fixture else { unreachable!("it is Kafka's") };
    let log = fixture.open().await;
    fixture::append(&log, 1, 0, RECORDS).await;
    fixture.close(log).await;

    let (at, topic) = (services::druid(), topic(options));
    let place = Place::new().with("log", settings::log(options));
    let consumer = quoted(&place.file("druid.consumer", &consumer(options)));
    let section = format!(
        "enabled = true\ncoordinator = '{}'\nbroker = '{}'\ndata_source = '{topic}'\ntopic = '{topic}'\nconsumer_file = {consumer}",
        at.coordinator, at.broker
    );
    let place = place.with("druid", section);
    let mut central = place.spawn();
    central.lacks_nothing().await;

    let (coordinator, data_source) = (at.coordinator.clone(), topic.clone());
    let options_of_druid =
        Options { coordinator, broker: at.broker.clone(), data_source, user: None, ca_file: None };
    let druid = Druid::open(options_of_druid).expect("opened");
    let day = |website: &str| Scope {
        website_id: website.to_owned(),
        from_ms: NOON_MS - DAY_MS / 2,
        to_ms: NOON_MS + DAY_MS / 2,
    };
    // Two page views of each record.
    let each = 2 * RECORDS as i64 / SITES.len() as i64;
    let deadline = Instant::now() + PATIENCE;
    for site in SITES {
        loop {
            let totals = druid.totals(&day(site)).await;
            if totals.as_ref().is_ok_and(|totals| totals.page_views == each) {
                break;
            }
            assert!(Instant::now() < deadline, "{each} page views of {site}: {totals:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let (_, metrics) = central.get("/metrics").await;
    assert!(metrics.contains("footfall_central_druid_healthy 1"), "it is looked at");
    assert!(
        metrics.contains("footfall_central_sink_lag_records{sink=\"druid\",partition=\"0\"} 0"),
        "{metrics}"
    );

    let order = async |what: &str| {
        let url = format!("{}/druid/indexer/v1/supervisor/{topic}/{what}", at.coordinator);
        http().post(url).send().await.expect("answered").error_for_status().expect("done");
    };
    order("suspend").await;
    central.warns(&["Druid", &topic, "is suspended", "/resume"]).await;
    order("terminate").await;
    drop(central);
    clear(&fixture, options).await;
}
