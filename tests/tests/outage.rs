//! Central away, and the edge's journal full: what was answered is kept, and what cannot be kept is refused in time.

use std::fs::File;
use std::time::{Duration, Instant};

use footfall_tests::cluster::{CATCH_UP, Cluster, cluster};
use footfall_tests::event;
use footfall_tests::run::Server;
use footfall_tests::setting::number;
use footfall_tests::wait::until;
use uuid::Uuid;

/// Length of the outage in seconds unless `FOOTFALL_OUTAGE` says otherwise.
const SECONDS: u64 = 10;

#[tokio::test]
async fn while_central_is_down_the_edge_answers_success_and_catches_up_afterwards() {
    let seconds = number("FOOTFALL_OUTAGE", SECONDS);
    let cluster = cluster().start().await;
    cluster.send(20).await;
    let outage = Outage::begin(&cluster).await;
    let until_then = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until_then {
        cluster.send(10).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let unready = cluster
        .http()
        .get(format!("{}/readyz", cluster.run().urls.edge_health))
        .send()
        .await
        .expect("the edge answers");
    assert_eq!(unready.status(), 503, "an edge without central cannot do its whole job, and says so");
    outage.end(&cluster).await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}

#[tokio::test]
async fn an_edge_that_restarts_while_central_is_down_keeps_its_policy_and_its_events() {
    let cluster = cluster().start().await;
    cluster.send(20).await;
    let outage = Outage::begin(&cluster).await;
    cluster.send(20).await;
    let old = cluster.kill(Server::Edge);
    until("the edge runs again", CATCH_UP, || async { (cluster.now().pids.edge != old).then_some(()) }).await;
    cluster.send(20).await;
    outage.end(&cluster).await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}

#[tokio::test]
async fn a_full_journal_is_503_with_retry_after_and_loses_nothing_that_was_answered() {
    let cluster =
        cluster().edge("journal.max_bytes=8388608").edge("journal.segment_bytes=1048576").start().await;
    cluster.send(5).await;
    let outage = Outage::begin(&cluster).await;
    let refused = fill(&cluster).await;
    let pause = refused.headers().get("retry-after").expect("Retry-After").to_str().expect("text");
    assert!(pause.parse::<u32>().is_ok_and(|seconds| seconds >= 1), "Retry-After: {pause}");
    // A refusal is not the end: health is about the process, readiness about the job.
    let health = cluster
        .http()
        .get(format!("{}/healthz", cluster.run().urls.edge_health))
        .send()
        .await
        .expect("the edge answers");
    assert_eq!(health.status(), 200);

    outage.end(&cluster).await;
    cluster.until_ready().await;
    until("the edge takes events again", CATCH_UP, || async {
        let id = Uuid::now_v7();
        cluster.ledger().sent(&[id]);
        let view =
            event::batch(&cluster.run().tracking_id, &[event::page_view(id, "https://127.0.0.1/after")]);
        let taken = cluster.post(view).await.status() == 204;
        taken.then(|| cluster.ledger().answered([id]))
    })
    .await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}

/// Posts large page views until the journal takes no more; returns the refusal.
async fn fill(cluster: &Cluster) -> reqwest::Response {
    let padding = "x".repeat(1500);
    for _ in 0..2000 {
        let ids: Vec<Uuid> = (0..10).map(|_| Uuid::now_v7()).collect();
        let views: Vec<_> = ids
            .iter()
            .map(|id| event::page_view(*id, &format!("https://127.0.0.1/{padding}/{id}")))
            .collect();
        cluster.ledger().sent(&ids);
        let answer = cluster.post(event::batch(&cluster.run().tracking_id, &views)).await;
        match answer.status().as_u16() {
            204 => cluster.ledger().answered(ids),
            503 => return answer,
            other => panic!("the edge answered {other}"),
        }
    }
    panic!("2000 requests of 15 kB fit into a journal of 8 MiB");
}

/// Central is dead and cannot come back: the story holds the lock that it needs, as another central would.
struct Outage {
    lock: File,
    old: u32,
}

impl Outage {
    async fn begin(cluster: &Cluster) -> Self {
        let path = cluster.folder().join("central/central.lock");
        let old = cluster.kill(Server::Central);
        let lock = File::options().write(true).open(&path).expect("central keeps a lock file");
        until("the dead central's lock is free", Duration::from_secs(5), || async {
            rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).ok()
        })
        .await;
        Self { lock, old }
    }

    async fn end(self, cluster: &Cluster) {
        drop(self.lock);
        cluster.until_back(Server::Central, self.old).await;
    }
}
