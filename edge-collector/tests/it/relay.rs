//! The way to central: in order, at least once, over cut links, lost acks and restarts of either side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use footfall_harness::relay::UdpRelay;
use footfall_proto::relay::{Refusal, refusal::Cause};

use crate::support::central::{Central, Certificates, State};
use crate::support::{RunningEdge, body, config, eventually, folder, page_view, policy, policy_file};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct Story {
    dir: tempfile::TempDir,
    certificates: Certificates,
    state: Arc<State>,
}

impl Story {
    fn new() -> Self {
        let dir = folder();
        let certificates = Certificates::new(dir.path());
        Self { dir, certificates, state: Arc::default() }
    }

    async fn central(&self, address: SocketAddr) -> Central {
        Central::start(&self.certificates, address, Arc::clone(&self.state)).await
    }

    async fn edge(&self, central: SocketAddr) -> RunningEdge {
        let mut config = config(self.dir.path());
        config.central = Some(self.certificates.central(central));
        RunningEdge::start(config).await
    }

    async fn send(&self, edge: &RunningEdge, ids: std::ops::Range<u8>) {
        for id in ids {
            assert_eq!(edge.send(body(vec![page_view(id)])).await.0, 204);
        }
    }

    async fn holds(&self, count: usize) {
        eventually(&format!("{count} records at central"), async || self.state.count() == count).await;
        assert_eq!(*self.state.faults.lock(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_reaches_central_and_the_journal_is_released() {
    let story = Story::new();
    let central = story.central(ANY).await;
    let edge = story.edge(central.address).await;
    story.send(&edge, 1..100).await;
    story.holds(99).await;
    eventually("the edge is ready", async || edge.ask("/readyz").await.status() == 200).await;
    eventually("all is released", async || edge.edge.journal.released() == edge.edge.journal.end()).await;
    edge.stop().await;
    let noted = std::fs::read_to_string(story.dir.path().join("position")).expect("noted");
    assert_eq!(noted.trim(), "99");
    assert_eq!(*story.state.repeats.lock(), 0);
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn central_may_be_away_and_the_edge_catches_up() {
    let story = Story::new();
    let central = story.central(ANY).await;
    let address = central.address;
    let edge = story.edge(address).await;
    story.send(&edge, 1..10).await;
    story.holds(9).await;
    central.stop().await;
    story.send(&edge, 10..60).await;
    assert_eq!(story.state.count(), 9);
    let central = story.central(address).await;
    story.holds(59).await;
    edge.stop().await;
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_is_sent_again_under_the_same_identity() {
    let story = Story::new();
    story.state.drops_acks.store(true, Ordering::Relaxed);
    let central = story.central(ANY).await;
    let address = central.address;
    let edge = story.edge(address).await;
    story.send(&edge, 1..50).await;
    story.holds(49).await;
    assert_eq!(edge.edge.journal.released(), 0);
    central.stop().await;
    story.state.drops_acks.store(false, Ordering::Relaxed);
    let central = story.central(address).await;
    eventually("all is released", async || edge.edge.journal.released() == 49).await;
    story.holds(49).await;
    assert_eq!(*story.state.repeats.lock(), 49);
    edge.stop().await;
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_link_is_noticed_within_five_seconds_and_heals() {
    let story = Story::new();
    let central = story.central(ANY).await;
    let link = UdpRelay::start(central.address, 0).await;
    let edge = story.edge(link.address()).await;
    story.send(&edge, 1..5).await;
    story.holds(4).await;
    eventually("the edge is ready", async || edge.ask("/readyz").await.status() == 200).await;
    link.cut();
    let died = Instant::now();
    eventually("the edge notices", async || edge.ask("/readyz").await.status() == 503).await;
    assert!(died.elapsed() < Duration::from_secs(5), "{:?}", died.elapsed());
    story.send(&edge, 5..20).await;
    link.heal();
    story.holds(19).await;
    edge.stop().await;
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_starts_again_goes_on_where_central_has_everything() {
    let story = Story::new();
    let central = story.central(ANY).await;
    let address = central.address;
    let edge = story.edge(address).await;
    story.send(&edge, 1..20).await;
    story.holds(19).await;
    eventually("all is released", async || edge.edge.journal.released() == 19).await;
    central.stop().await;
    story.send(&edge, 20..30).await;
    edge.stop().await;
    let edge = story.edge(address).await;
    story.send(&edge, 30..40).await;
    let central = story.central(address).await;
    story.holds(39).await;
    assert_eq!(*story.state.repeats.lock(), 0);
    let epochs: std::collections::BTreeSet<_> =
        story.state.records.lock().keys().map(|(epoch, _)| *epoch).collect();
    assert_eq!(epochs.len(), 2, "each record keeps the epoch it was written in");
    edge.stop().await;
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_the_position_costs_resends_and_nothing_else() {
    let story = Story::new();
    let central = story.central(ANY).await;
    let edge = story.edge(central.address).await;
    story.send(&edge, 1..20).await;
    story.holds(19).await;
    edge.stop().await;
    std::fs::remove_file(story.dir.path().join("position")).expect("was there");
    let edge = story.edge(central.address).await;
    story.send(&edge, 20..21).await;
    story.holds(20).await;
    edge.stop().await;
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_policy_is_in_force_and_kept() {
    let story = Story::new();
    std::fs::remove_file(policy_file(story.dir.path())).expect("was there");
    *story.state.policies.lock() = vec![policy(3), policy(9), policy(8)];
    let central = story.central(ANY).await;
    let edge = story.edge(central.address).await;
    eventually("the policy is in force", async || edge.edge.policies.current().is_some_and(|p| p.id == 9))
        .await;
    story.send(&edge, 1..2).await;
    edge.stop().await;
    central.stop().await;
    let edge = story.edge(ANY).await;
    assert_eq!(edge.edge.policies.current().expect("kept").id, 9);
    story.send(&edge, 2..3).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_repeated_in_its_own_words_and_ends_when_central_relents() {
    let story = Story::new();
    let sentence = "the edge's clock is 90 s ahead".to_owned();
    *story.state.refusal.lock() = Some(Refusal { cause: Cause::Clock as i32, sentence: sentence.clone() });
    let central = story.central(ANY).await;
    let edge = story.edge(central.address).await;
    story.send(&edge, 1..5).await;
    eventually("readiness says why", async || {
        let ready = edge.ask("/readyz").await;
        ready.status() == 503 && ready.text().await.expect("text").contains(&sentence)
    })
    .await;
    *story.state.refusal.lock() = None;
    story.holds(4).await;
    edge.stop().await;
    central.stop().await;
}
