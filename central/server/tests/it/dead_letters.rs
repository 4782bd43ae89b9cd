//! What is parked can be looked at while central runs, and given to the event store again once it is stopped: of either log.

use crate::log::fixture::LogFixture;
use crate::readiness::settings::Scene;
use crate::support::{eventually, record_of, send};
use bytes::Bytes;
use serde_json::Value;

const SITE: &str = "0191d0a4-0000-7000-8000-000000000001";

/// Tells it of one log.
async fn looked_at_and_given_again(fixture: LogFixture) {
    let mut scene = Scene::new();
    let log = match &fixture {
        LogFixture::Kafka(options) => {
            scene.place.set("log", crate::readiness::settings::log(options));
            fixture.open().await
        }
        LogFixture::Embedded(_) => {
            std::fs::create_dir_all(scene.place.data()).expect("made");
            crate::support::open_log(&scene.place.data()).await
        }
    };
    // Nobody's records are in the first partition; so is what nobody can read.
    let good = record_of(SITE, 1, 2, crate::support::NOON_MS);
    let rubbish = Bytes::from_static(b"\xff\xff rubbish");
    for (offset, record) in [good, rubbish].into_iter().enumerate() {
        let epoch = Bytes::from_static(&[1; 16]);
        send(&log, "edge-1", epoch, offset as u64, vec![record]).await.expect("appended");
    }
    fixture.close(log).await;

    let mut central = scene.place.spawn();
    central.lacks_nothing().await;
    let mut listed = Vec::new();
    eventually("the letter", async || {
        let output = scene.place.ask(&["dead-letter", "list", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        listed = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        !listed.is_empty()
    })
    .await;
    let letter: Value = serde_json::from_slice(&listed[0]).expect("JSON");
    assert_eq!(
        (listed.len(), letter["reason"].as_str(), letter["partition"].as_u64()),
        (1, Some("record"), Some(0))
    );
    let place = letter["place"].as_str().expect("a place").to_owned();
    let shown = scene.place.ask(&["dead-letter", "show", &place]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.starts_with(&place) && shown.contains("reason record"), "{shown}");
    let mistaken = scene.place.ask(&["dead-letter", "show", "7-7"]);
    assert!(String::from_utf8_lossy(&mistaken.stderr).contains("nothing is parked at 7-7"));
    let early = scene.place.ask(&["dead-letter", "replay"]);
    assert!(String::from_utf8_lossy(&early.stderr).contains("central has to be stopped first"));
    assert_eq!(central.get("/readyz").await.0, 200, "nobody was disturbed");

    central.signal("-TERM");
    assert!(central.wait().success());
    let again = scene.place.ask(&["dead-letter", "replay", "--json"]);
    let outcome: Value = serde_json::from_slice(&again.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&again.stderr)));
    assert_eq!((outcome["outcome"].as_str(), outcome["place"].as_str()), (Some("unreadable"), Some(&*place)));
    fixture.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    looked_at_and_given_again(LogFixture::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_kafka() {
    looked_at_and_given_again(LogFixture::kafka()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_that_refuses_or_has_no_such_topic_is_told() {
    let mut scene = Scene::new();
    let options = crate::log::fixture::options();
    scene.place.set("log", crate::readiness::settings::log(&options));
    let told = |output: std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let missing = told(scene.place.ask(&["dead-letter", "list"]));
    assert!(missing.contains("is missing") && missing.contains(&options.bootstrap), "{missing}");
    let guess = scene.place.file("kafka.password", "guessed\n");
    let user = options.user.clone().map(|(user, _)| (user, guess));
    scene
        .place
        .set("log", crate::readiness::settings::log(&footfall_log::kafka::Options { user, ..options }));
    let refused = told(scene.place.ask(&["dead-letter", "list"]));
    assert!(refused.contains("refuses the user") && refused.lines().count() == 1, "{refused}");
}
