//! Strangers at every door of a running system, one kind of attack after the other, while a visitor goes on sending events: these are
//! answered soon, their rows appear, and reports go on. All attackers are on loopback, from addresses of their own, and end by themselves.
//!
//! `cargo xtask prove attacks` runs the long form, with release builds, and holds it to the figures.

mod relay;
mod small_bodies;
mod sockets;
mod statements;
mod witness;

use std::time::{Duration, Instant};

use footfall_harness::authority::Authority;
use footfall_tests::cluster::{Cluster, cluster};
use footfall_tests::run::{Server, resident_bytes};
use footfall_tests::setting;

use relay::Relay;
use sockets::Kind;
use witness::Witness;

/// What each attack works with.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) edge: String,
    pub(crate) central: String,
    pub(crate) store: String,
    pub(crate) tracking_id: String,
    /// How long an attack that does not end by itself goes on.
    pub(crate) lasts: Duration,
    /// Connections that send nothing.
    pub(crate) idle: usize,
    /// Connections that are slow, of each sort.
    pub(crate) slow: usize,
}

impl Target {
    fn of(cluster: &Cluster) -> Self {
        let host = |url: &str| url.trim_start_matches("http://").to_owned();
        let run = cluster.run();
        Self {
            edge: host(&run.urls.edge),
            central: host(&run.urls.central),
            store: host(&run.clickhouse.url),
            tracking_id: run.tracking_id.clone(),
            lasts: Duration::from_secs(setting::number("FOOTFALL_ATTACK_SECONDS", 2)),
            idle: setting::number("FOOTFALL_IDLE", 300) as usize,
            slow: setting::number("FOOTFALL_SLOW", 60) as usize,
        }
    }
}

/// Runs one attack beside the visitor and holds what the visitor met to its bounds.
async fn under_attack(cluster: &Cluster, name: &str, attack: impl Future<Output = String>) {
    let witness = Witness::start(cluster);
    let began = Instant::now();
    let said = attack.await;
    // Long enough for a percentile, and for a row to appear.
    witness.has_seen(100).await;
    let seen = witness.end().await;
    let memory = Server::ALL.map(|server| resident_bytes(cluster.now().pids.of(server)) >> 20);
    println!(
        "{name:<34} {:>5.1} s  {said}\n{:>34} {seen}; edge {} MB, central {} MB, event store {} MB",
        began.elapsed().as_secs_f64(),
        "",
        memory[0],
        memory[1],
        memory[2]
    );
    seen.hold(name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_at_every_door_delay_nobody() {
    // One socket each, of ten thousand.
    footfall_daemon::descriptors::raise().expect("as many files as this process may open");
    let released = setting::number("FOOTFALL_RELEASE", 0) == 1;
    let plan = if released { cluster().release() } else { cluster() };
    let certificates = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(certificates.path());
    let cluster = plan.certified(&authority).start().await;
    let target = Target::of(&cluster);
    under_attack(&cluster, "nobody", async { String::new() }).await;
    for (door, address) in [("edge", &target.edge), ("central", &target.central), ("store", &target.store)] {
        for kind in Kind::ALL {
            let name = format!("{door}: {}", kind.name());
            under_attack(&cluster, &name, sockets::attack(kind, door, address, &target)).await;
        }
    }
    under_attack(&cluster, "edge: bodies announced, none sent", sockets::announced(&target)).await;
    under_attack(&cluster, "edge: small bodies that cost much", small_bodies::attack(&target)).await;
    under_attack(&cluster, "store: answers that nobody takes", statements::unread(&target)).await;
    under_attack(&cluster, "store: statements half sent", statements::half_sent(&target)).await;
    under_attack(&cluster, "store: hostile settings", statements::hostile(&target)).await;
    let relay = Relay::of(&cluster, authority, target.lasts).await;
    under_attack(&cluster, "relay: forged journals", relay.forged()).await;
    under_attack(&cluster, "relay: connections without greeting", relay.ungreeted()).await;
    under_attack(&cluster, "relay: acknowledgements not read", relay.deaf()).await;
    under_attack(&cluster, "relay: handshakes of one address", relay.handshakes(certificates.path())).await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}
