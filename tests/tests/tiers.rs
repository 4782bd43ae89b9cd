//! The real servers behind a run, each killed with SIGKILL under a steady load, away for a while and back: no event that was
//! answered is lost or stored twice in any of them, and who does not need the dead one does not notice. `FOOTFALL_OUTAGE` sets the
//! seconds of each outage (10), `FOOTFALL_KILLS` how often central dies (10), `FOOTFALL_RATE` the events a second (2,000), and
//! `FOOTFALL_SEED` tells a story again.

use std::time::{Duration, Instant};

use footfall_tests::cluster::{Cluster, cluster};
use footfall_tests::load::{Load, STEADY_BATCH};
use footfall_tests::random::Random;
use footfall_tests::run::Server;
use footfall_tests::setting::number;
use footfall_tests::tiers::agree;
use footfall_tests::wait::until;
use tokio::sync::Mutex;

/// Length of an outage, seconds.
const OUTAGE: u64 = 10;
/// How often central dies.
const KILLS: u64 = 10;
/// Events a second.
const RATE: u64 = 2000;
/// After this much time an object of the raw log is closed, seconds; its sink is always behind by as much.
const CLOSE: u64 = 2;
/// What a sink whose store is there may be behind, seconds of the load: an object of the raw log, and a busy machine.
const BEHIND: u64 = CLOSE + 6;
/// For a sink to make up for an outage, restart of the server included.
const CATCH_UP: Duration = Duration::from_mins(3);
/// Both shards and several partitions are written.
const WEBSITES: usize = 6;

/// The servers in the order in which they die, and the sink that falls behind meanwhile. Without Kafka there is nothing to fall
/// behind of: the edge keeps it.
const SERVERS: [(&str, Option<&str>); 5] = [
    ("postgresql", None),
    ("redis", Some("live")),
    ("s3", Some("raw_log")),
    ("clickhouse", Some("clickhouse")),
    ("kafka", None),
];
const SINKS: [&str; 4] = ["clickhouse", "live", "raw_log", "dead_letters"];

/// One story at a time: each keeps a pace.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_dies_and_comes_back_and_nothing_is_lost_or_doubled_in_any() {
    let (outage, rate) =
        (Duration::from_secs(number("FOOTFALL_OUTAGE", OUTAGE)), number("FOOTFALL_RATE", RATE));
    let mut random = Random::told("tiers");
    let _alone = ALONE.lock().await;
    let (cluster, websites) = begin().await;
    let (begun, allowed) = (Instant::now(), records(BEHIND, rate));
    let load = Load::steady(&cluster, rate, &websites, &mut random);
    for (server, dependant) in SERVERS {
        // Well below what is allowed, so that what is left of the last outage is not taken for this one's.
        caught_up(&cluster, allowed / 2.0).await;
        let before = cluster.ledger().answered_count();
        cluster.servers().kill(server);
        let behind = away(&cluster, outage).await;
        let during = cluster.ledger().answered_count() - before;
        let servers = cluster.servers();
        tokio::task::spawn_blocking(move || servers.bring_back(server)).await.expect("it comes back");
        let back = Instant::now();
        caught_up(&cluster, allowed).await;
        println!(
            "{server} away for {} s: {during} events answered meanwhile, most records behind: {}; all caught up {:.1} s after it was back",
            outage.as_secs(),
            SINKS
                .iter()
                .zip(behind)
                .map(|(sink, lag)| format!("{sink} {lag}"))
                .collect::<Vec<_>>()
                .join(", "),
            back.elapsed().as_secs_f64(),
        );
        for (sink, lag) in SINKS.into_iter().zip(behind) {
            if dependant == Some(sink) {
                let missed = records(outage.as_secs(), rate) / 2.0;
                assert!(lag >= missed, "{sink} needs {server}, and was only {lag} records behind");
            } else {
                assert!(lag <= allowed, "{sink} does not need {server}, and was {lag} records behind");
            }
        }
    }
    end(cluster, load, &websites, rate, begun).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn central_dies_at_random_moments_and_nothing_is_lost_or_doubled_in_any_tier() {
    let (kills, rate) = (number("FOOTFALL_KILLS", KILLS), number("FOOTFALL_RATE", RATE));
    let _alone = ALONE.lock().await;
    let mut random = Random::told("central");
    let (cluster, websites) = begin().await;
    let begun = Instant::now();
    let load = Load::steady(&cluster, rate, &websites, &mut random);
    for kill in 1..=kills {
        let moment = random.below(4000);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let old = cluster.kill(Server::Central);
        let died = Instant::now();
        cluster.until_back(Server::Central, old).await;
        println!(
            "kill {kill}: {moment} ms after it was ready, {} answered; ready again after {:.1} s",
            cluster.ledger().answered_count(),
            died.elapsed().as_secs_f64()
        );
    }
    end(cluster, load, &websites, rate, begun).await;
}

/// A system on real servers, and its websites.
async fn begin() -> (Cluster, Vec<String>) {
    let cluster = cluster().full().central(&format!("blobs.close_after_seconds={CLOSE}")).start().await;
    let websites = cluster.websites(WEBSITES).await;
    (cluster, websites)
}

/// Ends the load, and compares what was answered with what every tier holds.
async fn end(cluster: Cluster, load: Load, websites: &[String], rate: u64, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    load.stop().await;
    let answered = cluster.ledger().answered_count();
    println!("{answered} events answered in {seconds:.0} s: {:.0} a second", answered as f64 / seconds);
    // A machine that is shared may be too slow for a while; less than half would be no load.
    assert!(answered as f64 / seconds > rate as f64 / 2.0, "this was no load");
    caught_up(&cluster, records(BEHIND, rate)).await;
    cluster.each_stored_once().await;
    agree(&cluster, websites).await;
    cluster.finish().await;
}

/// Watches for a while; the most that each of [`SINKS`] was behind, in records, on all partitions together.
async fn away(cluster: &Cluster, outage: Duration) -> [f64; SINKS.len()] {
    let (over, mut most) = (Instant::now() + outage, [0.0_f64; SINKS.len()]);
    while Instant::now() < over {
        for (most, lag) in most.iter_mut().zip(lags(cluster).await) {
            *most = most.max(lag);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    most
}

async fn lags(cluster: &Cluster) -> [f64; SINKS.len()] {
    let mut lags = [0.0; SINKS.len()];
    for (lag, sink) in lags.iter_mut().zip(SINKS) {
        let label = format!("sink=\"{sink}\"");
        *lag =
            cluster.metric(&cluster.run().urls.central, "footfall_central_sink_lag_records", &[&label]).await;
    }
    lags
}

/// Waits until edge and central can do their whole jobs and every sink is near the head.
async fn caught_up(cluster: &Cluster, allowed: f64) {
    cluster.until_ready().await;
    until("every sink is near the head of the log", CATCH_UP, || async {
        lags(cluster).await.iter().all(|lag| *lag <= allowed).then_some(())
    })
    .await;
}

/// Records of the log in so many seconds.
fn records(seconds: u64, rate: u64) -> f64 {
    (seconds * rate / STEADY_BATCH) as f64
}
