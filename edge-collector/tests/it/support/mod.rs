//! Starts an edge on a free port over a folder of its own, and reads its journal back.

pub(crate) mod central;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_edge::config::{Config, Geo, Health, Http, Journal};
use footfall_edge::edge::{Edge, Parts};
use footfall_edge::server::{self, Listeners, RunError};
use footfall_proto::beacon::{BeaconBatch, Event};
use footfall_proto::relay::{self, Record, SiteStatus};
use prost::Message;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The site of most tests.
pub(crate) const SITE: &str = "FF-1";
pub(crate) const WEBSITE: &str = "6b1ab2a4-0000-4000-8000-000000000001";
pub(crate) const ORIGIN: &str = "https://www.example.org";
pub(crate) const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

pub(crate) fn site() -> relay::Site {
    relay::Site {
        website_id: WEBSITE.into(),
        tracking_id: SITE.into(),
        domain: "example.org".into(),
        status: SiteStatus::Active as i32,
        bot_filtering_enabled: true,
        ip_anonymization_enabled: true,
        sampling_rate: 1.0,
        timezone: "UTC".into(),
        ..relay::Site::default()
    }
}

pub(crate) fn policy(policy_id: u64) -> relay::Policy {
    let paused = relay::Site {
        website_id: "6b1ab2a4-0000-4000-8000-000000000002".into(),
        tracking_id: "FF-PAUSED".into(),
        status: SiteStatus::Paused as i32,
        ..site()
    };
    let open = relay::Site {
        website_id: "6b1ab2a4-0000-4000-8000-000000000003".into(),
        tracking_id: "FF-OPEN".into(),
        bot_filtering_enabled: false,
        ip_anonymization_enabled: false,
        ..site()
    };
    let sampled = relay::Site {
        website_id: "6b1ab2a4-0000-4000-8000-000000000004".into(),
        tracking_id: "FF-SAMPLED".into(),
        sampling_rate: 0.5,
        ..site()
    };
    let other = relay::Site {
        website_id: "6b1ab2a4-0000-4000-8000-000000000005".into(),
        tracking_id: "FF-OTHER".into(),
        domain: "other.test".into(),
        ..site()
    };
    relay::Policy { policy_id, sites: vec![site(), paused, open, sampled, other] }
}

pub(crate) fn config(data: &Path) -> Config {
    Config {
        data: data.to_owned(),
        http: Http {
            listen: "127.0.0.1:0".parse().expect("address"),
            workers: 1,
            max_connections: 1_000,
            trusted_proxies: vec!["127.0.0.1/32".parse().expect("network")],
        },
        health: Some(Health {
            listen: "127.0.0.1:0".parse().expect("address"),
            names: vec!["edge.internal".to_owned()],
        }),
        central: None,
        journal: Journal { max_bytes: 64 << 20, segment_bytes: 1 << 20 },
        assets: None,
        geo: Geo {
            databases: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/geo/GeoIP2-City-Test.mmdb")],
            private_as: None,
        },
    }
}

/// A folder with a policy in it.
pub(crate) fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temporary folder");
    std::fs::write(policy_file(dir.path()), policy(7).encode_to_vec()).expect("written");
    dir
}

pub(crate) fn policy_file(data: &Path) -> PathBuf {
    data.join("policy.bin")
}

/// A running edge.
pub(crate) struct RunningEdge {
    pub(crate) edge: Arc<Edge>,
    pub(crate) url: String,
    /// Where its operator asks.
    pub(crate) health: String,
    pub(crate) http: reqwest::Client,
    stop: Stop,
    served: JoinHandle<Result<(), RunError>>,
}

/// Stops the edge of a test that failed too, so that its threads hold nothing up.
struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl RunningEdge {
    pub(crate) async fn start(config: Config) -> Self {
        // Another test has installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().user_agent(CHROME).no_proxy().build().expect("client");
        let bind = |address| TcpListener::bind(address).expect("a free port");
        let health = config.health.as_ref().map(|health| bind(health.listen));
        let listeners = Listeners { http: bind(config.http.listen), health };
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("bound"));
        let health = listeners.health.as_ref().map(url).expect("tests ask for it");
        let url = url(&listeners.http);
        let edge = tokio::task::spawn_blocking(move || {
            let parts = Parts::load(&config).expect("parts");
            Edge::open(config, parts).expect("open")
        })
        .await
        .expect("no panic");
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(server::serve(Arc::clone(&edge), listeners, shutdown.clone()));
        Self { edge, url, health, http, stop: Stop(shutdown), served }
    }

    /// Stops it and waits until its journal is closed and unlocked.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.served.await.expect("no panic").expect("drained");
        drop(self.http);
        let edge = Arc::into_inner(self.edge).expect("the last one");
        drop(edge);
    }

    /// A `POST /e` as a page of the site makes it.
    pub(crate) fn post(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/e", self.url)).header("origin", ORIGIN).body(body)
    }

    pub(crate) async fn send(&self, body: impl Into<reqwest::Body>) -> (u16, serde_json::Value) {
        answer(self.post(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.url)).send().await.expect("answered")
    }

    /// Asks as its operator does.
    pub(crate) async fn ask(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.health)).send().await.expect("answered")
    }

    pub(crate) async fn metrics(&self) -> String {
        self.ask("/metrics").await.text().await.expect("text")
    }

    /// What the journal holds, whole.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut reader = self.edge.journal.reader(self.edge.journal.start());
        let mut records = Vec::new();
        while reader.position() < self.edge.journal.end() {
            let Some(chunk) = reader.try_next(1 << 20).expect("readable") else { break };
            records.extend(
                chunk.entries.iter().map(|entry| Record::decode(entry.payload.clone()).expect("a record")),
            );
        }
        records
    }
}

/// Status and JSON of an answer; null without a body.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, serde_json::Value) {
    let response = request.send().await.expect("answered");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("whole");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Asks again until it holds or ten seconds have passed.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(Instant::now() < give_up, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A page view with an id.
pub(crate) fn page_view(id: u8) -> Event {
    let event_id = Bytes::from(vec![id; 16]);
    Event {
        page_view_id: event_id.clone(),
        event_id,
        event_type: "pageview".into(),
        page_url: format!("https://www.example.org/page/{id}?utm_source=news"),
        page_title: "Title".into(),
        page_referrer: "https://www.google.com/".into(),
        ..Event::default()
    }
}

pub(crate) fn batch(events: Vec<Event>) -> BeaconBatch {
    BeaconBatch {
        tracking_id: SITE.into(),
        sdk_version: "0.1.0".into(),
        screen_width: 1920,
        screen_height: 1080,
        language: "de".into(),
        events,
        ..BeaconBatch::default()
    }
}

pub(crate) fn body(events: Vec<Event>) -> Vec<u8> {
    batch(events).encode_to_vec()
}
