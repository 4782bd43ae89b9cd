//! One history: browsers post without a pause while, step by step, the link gets worse, is cut and healed, the edge's address changes,
//! and both ends stop and start again. Then all is well, and what was answered is compared with what the log holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use footfall_harness::relay::{Conditions, Counts, Direction, UdpRelay};
use footfall_harness::wait::eventually;
use footfall_tests::http;
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ends::{Central, Certificates, EDGE, Edge, ORIGIN, SITE, Stored, open_log};

/// Browsers that post at the same time.
const BROWSERS: u64 = 4;
/// Steps of a history.
const STEPS: usize = 30;
/// An edge takes four seconds to notice a central that crashed: more crashes would make a history long and not different.
const MAX_CRASHES: usize = 2;

/// What a history came to.
#[derive(Debug)]
pub(crate) struct Told {
    /// Events that the edge answered with success.
    pub(crate) answered: u64,
    /// Events that it refused, or did not answer.
    #[allow(dead_code, reason = "printed")]
    pub(crate) unanswered: u64,
    /// Records that central got and stored again.
    pub(crate) resent: u64,
    /// What became of the datagrams.
    pub(crate) link: Counts,
}

/// A browser that no filter takes for a robot.
const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// Event ids, and whether each was answered with success.
type Ledger = Arc<Mutex<BTreeMap<[u8; 16], bool>>>;

/// The system of one history.
struct System {
    folder: tempfile::TempDir,
    certificates: Certificates,
    link: UdpRelay,
    central: Option<Central>,
    edge: Option<Edge>,
    /// Where browsers post.
    url: watch::Sender<String>,
    crashes: usize,
}

pub(crate) async fn play(seed: u64) -> Told {
    let mut random = Rng::with_seed(seed);
    let mut system = System::start(seed).await;
    let ledger = Ledger::default();
    let mut browsers = JoinSet::new();
    for _ in 0..BROWSERS {
        browsers.spawn(browse(system.url.subscribe(), Arc::clone(&ledger), random.fork()));
    }
    for _ in 0..STEPS {
        system.step(&mut random).await;
        tokio::time::sleep(Duration::from_millis(random.u64(10..200))).await;
    }
    // A post under way is not answered: it may be stored.
    browsers.abort_all();
    while let Some(ended) = browsers.join_next().await {
        assert!(ended.expect_err("they post until they are ended").is_cancelled(), "a browser panicked");
    }
    system.link.heal();
    system.link.set_conditions(Conditions::default());
    let answered: BTreeSet<[u8; 16]> =
        ledger.lock().expect("lock").iter().filter(|(_, answered)| **answered).map(|(id, _)| *id).collect();
    eventually(&format!("central has all that was answered (seed {seed})"), async || {
        let stored = system.stored().await;
        let ids: BTreeSet<[u8; 16]> =
            stored.records.iter().flat_map(|record| &record.events).map(|(id, _)| *id).collect();
        answered.is_subset(&ids)
    })
    .await;
    let link = system.link.counts();
    let data = system.stop().await;
    // What a central that opens the log anew reads is what every sink would get.
    let log = open_log(&data.path().join("central")).await;
    let stored = Stored::read(&log).await;
    log.close();
    let ledger = ledger.lock().expect("lock");
    check(&stored, &ledger, seed);
    let answered = answered.len() as u64;
    Told { answered, unanswered: ledger.len() as u64 - answered, resent: stored.resent, link }
}

/// Every answered event is there once, no other more than once, and the edge's records are in its order.
fn check(stored: &Stored, ledger: &BTreeMap<[u8; 16], bool>, seed: u64) {
    let mut times: BTreeMap<[u8; 16], usize> = BTreeMap::new();
    for record in &stored.records {
        assert_eq!(record.edge_id, EDGE);
        for (id, duplicate) in &record.events {
            assert!(!duplicate, "seed {seed}: {} was posted once", Uuid::from_bytes(*id));
            *times.entry(*id).or_default() += 1;
        }
    }
    assert!(
        stored.records.is_sorted_by(|a, b| a.edge_offset < b.edge_offset),
        "seed {seed}: the edge's order is kept"
    );
    for (id, answered) in ledger {
        let times = times.remove(id).unwrap_or_default();
        let uuid = Uuid::from_bytes(*id);
        assert!(times <= 1, "seed {seed}: {uuid} is stored {times} times");
        assert!(times == 1 || !answered, "seed {seed}: {uuid} was answered and is lost");
    }
    assert_eq!(times, BTreeMap::new(), "seed {seed}: nobody posted these");
}

impl System {
    async fn start(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let certificates = Certificates::new(&folder.path().join("certificates"));
        let central = Central::start(&certificates, &folder.path().join("central")).await;
        let link = UdpRelay::start(central.address, seed).await;
        let edge = Edge::start(&certificates, &folder.path().join("edge"), link.address());
        let url = watch::Sender::new(edge.url.clone());
        let ready = format!("{}/readyz", edge.health);
        let (central, edge) = (Some(central), Some(edge));
        let system = Self { folder, certificates, link, central, edge, url, crashes: 0 };
        eventually("the edge has its policy", async || {
            http::get(&ready).await.is_ok_and(|answer| answer.status() == StatusCode::OK)
        })
        .await;
        system
    }

    async fn step(&mut self, random: &mut Rng) {
        match random.u32(..100) {
            0..35 => self.link.set_conditions(conditions(random)),
            35..50 => self.link.cut(),
            50..55 => self.link.blackhole(Direction::ToServer),
            55..60 => self.link.blackhole(Direction::ToClient),
            60..80 => self.link.heal(),
            80..90 => self.link.rebind(),
            90..95 => self.restart_edge().await,
            _ => self.restart_central(random.bool()).await,
        }
    }

    async fn restart_edge(&mut self) {
        self.edge.take().expect("it runs").stop().await;
        let edge = Edge::start(&self.certificates, &self.folder.path().join("edge"), self.link.address());
        self.url.send_replace(edge.url.clone());
        self.edge = Some(edge);
    }

    async fn restart_central(&mut self, crash: bool) {
        let central = self.central.take().expect("it runs");
        if crash && self.crashes < MAX_CRASHES {
            self.crashes += 1;
            // Nobody hears of its end.
            self.link.cut();
            central.crash().await;
            self.link.heal();
        } else {
            central.stop().await;
        }
        let central = Central::start(&self.certificates, &self.folder.path().join("central")).await;
        self.link.set_server(central.address);
        self.central = Some(central);
    }

    async fn stored(&self) -> Stored {
        self.central.as_ref().expect("it runs").stored().await
    }

    /// Ends both; their folders stay.
    async fn stop(self) -> tempfile::TempDir {
        self.edge.expect("it runs").stop().await;
        self.central.expect("it runs").stop().await;
        self.folder
    }
}

/// A link that is bad in a way of its own; one of five is good.
fn conditions(random: &mut Rng) -> Conditions {
    if random.u32(..5) == 0 {
        return Conditions::default();
    }
    Conditions {
        loss: random.u32(..200),
        duplication: random.u32(..100),
        reordering: random.u32(..200),
        delay: Duration::from_millis(random.u64(..20)),
        jitter: Duration::from_millis(random.u64(..20)),
        // Less than QUIC finds that a good link takes.
        mtu: random.bool().then_some(1_252),
    }
}

/// Posts page views, each once, until it is ended.
async fn browse(url: watch::Receiver<String>, ledger: Ledger, mut random: Rng) {
    let client = http::client().timeout(Duration::from_secs(20)).no_proxy().build().expect("a client");
    loop {
        let id = Uuid::now_v7();
        let event = json!({
            "event_type": "pageview",
            "event_id": id,
            "page_url": format!("https://www.example.org/{}", random.u32(..100)),
        });
        let body = json!({ "tracking_id": SITE, "events": [event] }).to_string();
        ledger.lock().expect("lock").insert(*id.as_bytes(), false);
        let endpoint = format!("{}/e", *url.borrow());
        let request =
            client.post(endpoint).header("origin", ORIGIN).header("user-agent", USER_AGENT).body(body);
        match request.send().await.map(|answer| answer.status()) {
            Ok(StatusCode::NO_CONTENT) => drop(ledger.lock().expect("lock").insert(*id.as_bytes(), true)),
            // Its journal does not open again before its predecessor's is closed.
            Ok(StatusCode::SERVICE_UNAVAILABLE) | Err(_) => {}
            Ok(other) => panic!("{other}: the edge admits all that is posted here"),
        }
        tokio::time::sleep(Duration::from_millis(random.u64(1..10))).await;
    }
}
