//! The log's topic deleted under a running central: it becomes another log, nothing new is lost or taken for old, and what was lost
//! with it is told.

use std::collections::BTreeSet;

use footfall_tests::cluster::{CATCH_UP, cluster};
use footfall_tests::tiers::{TOPIC, bucket, events, topic};
use footfall_tests::wait::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_deleted_takes_only_what_no_sink_had_and_that_is_told() {
    let cluster = cluster().full().central("blobs.close_after_seconds=1").start().await;
    cluster.send(30).await;
    cluster.each_stored_once().await;
    let central = cluster.run().urls.central.clone();
    until("the sink knows that they are stored", CATCH_UP, || async {
        let lag = "footfall_central_sink_lag_records";
        (cluster.metric(&central, lag, &["sink=\"clickhouse\""]).await == 0.0).then_some(())
    })
    .await;
    let servers = cluster.servers();
    let now = servers.now();
    let (kafka, s3) = (now.kafka.expect("it runs"), now.s3.expect("it runs"));

    servers.kill("clickhouse");
    let lost: BTreeSet<_> = cluster.send(20).await.into_iter().collect();
    until("the raw log has what ClickHouse cannot take", CATCH_UP, || async {
        let kept = events(&bucket::read(&s3).await.ok()?);
        lost.iter().all(|id| kept.contains_key(id)).then_some(())
    })
    .await;
    topic::delete(&kafka, TOPIC).await;
    until("the loss is told", CATCH_UP, || async {
        let gap = "footfall_central_log_gap_records_total";
        let told = cluster.metric(&central, gap, &["sink=\"clickhouse\""]).await;
        (told as usize == lost.len()).then_some(())
    })
    .await;
    tokio::task::spawn_blocking(move || servers.bring_back("clickhouse")).await.expect("it comes back");
    cluster.until_ready().await;

    cluster.send(30).await;
    until("what is new is stored", CATCH_UP, || async {
        let missing = cluster.ledger().compare(&cluster.stored().await.ok()?).missing;
        (missing.len() <= lost.len()).then_some(())
    })
    .await;
    let difference = cluster.ledger().compare(&cluster.stored().await.expect("ClickHouse answers"));
    assert_eq!(difference.missing.into_iter().collect::<BTreeSet<_>>(), lost, "only what had no other place");
    assert!(difference.doubled.is_empty() && difference.invented.is_empty());
    let told =
        cluster.metric(&central, "footfall_central_log_gap_records_total", &["sink=\"raw_log\""]).await;
    assert_eq!(told as u64, 0, "the raw log had taken all: a replay brings it back");
    cluster.finish().await;
}
