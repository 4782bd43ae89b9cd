//! Two centrals on the same real servers share the partitions. Each in turn is killed under a steady load and returns: nothing that
//! was answered is lost or stored twice in any tier. `FOOTFALL_KILLS` sets how often one dies (4), `FOOTFALL_SEED` tells a story again.

use std::time::Duration;

use footfall_tests::beside::Beside;
use footfall_tests::cluster::{Cluster, cluster};
use footfall_tests::load::Load;
use footfall_tests::random::Random;
use footfall_tests::run::Server;
use footfall_tests::setting::number;
use footfall_tests::tiers::agree;
use footfall_tests::wait::until;

const KILLS: u64 = 4;
/// Events a second.
const RATE: u64 = 2000;
/// Of the log's topic.
const PARTITIONS: usize = 8;
/// For the group to notice that a member is gone, or is there, and to share anew.
const SHARED: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_centrals_share_the_partitions_while_one_is_killed_and_returns() {
    let kills = number("FOOTFALL_KILLS", KILLS);
    let mut random = Random::told("two centrals");
    let cluster = cluster().full().central("blobs.close_after_seconds=2").start().await;
    let mut other = Beside::central(&cluster).await;
    let websites = cluster.websites(8).await;
    let load = Load::steady(&cluster, RATE, &websites, &mut random);
    for kill in 0..kills {
        shared(&cluster, &other).await;
        tokio::time::sleep(Duration::from_millis(random.below(3000))).await;
        if kill % 2 == 0 {
            other.kill().await;
            holds_all(&cluster, &cluster.run().urls.central).await;
            other.start().await;
        } else {
            // The edge knows this one: it keeps what it is sent until it is back, the other does what is in the log.
            let old = cluster.kill(Server::Central);
            cluster.until_back(Server::Central, old).await;
        }
        println!("kill {}: {} answered so far", kill + 1, cluster.ledger().answered_count());
    }
    shared(&cluster, &other).await;
    load.stop().await;
    cluster.each_stored_once().await;
    agree(&cluster, &websites).await;
    other.stop().await;
    cluster.finish().await;
}

/// Waits until each has some of the partitions, both together have all, and both can do their whole jobs.
async fn shared(cluster: &Cluster, other: &Beside) {
    until("the two share the partitions", SHARED, || async {
        let [one, two] =
            [owned(cluster, &cluster.run().urls.central).await?, owned(cluster, other.url()).await?];
        (one > 0 && two > 0 && one + two == PARTITIONS).then_some(())
    })
    .await;
    cluster.until_ready().await;
    other.until_ready().await;
}

async fn holds_all(cluster: &Cluster, central: &str) {
    until("one has all partitions", SHARED, || async {
        (owned(cluster, central).await? == PARTITIONS).then_some(())
    })
    .await;
}

/// Of how many partitions a central tells the lag of its ClickHouse sink.
async fn owned(cluster: &Cluster, central: &str) -> Option<usize> {
    let answer = cluster.http().get(format!("{central}/metrics")).send().await.ok()?.text().await.ok()?;
    let lag = "footfall_central_sink_lag_records{sink=\"clickhouse\"";
    Some(answer.lines().filter(|line| line.starts_with(lag)).count())
}
