//! The whole face over HTTP: a real metadata database, a real live view, and an event store that is away.

mod page;
mod stream;

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use footfall_clickhouse::QueryClient;
use footfall_live::{Answers, LiveEvent, SourcePartition};
use footfall_metadata::{NewWebsite, Website};

struct Face {
    base: String,
    client: Client,
    live: Live,
    website: Website,
    ready: Arc<AtomicBool>,
    shutdown: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
    folder: tempfile::TempDir,
}

fn reports() -> Reports {
    // Port 9 is the discard service's: nobody listens there.
    let reader = QueryClient::open("http://127.0.0.1:9", "footfall").unwrap();
    Reports::new(reader, Answers::memory(), Duration::ZERO, footfall_query::Metrics::default())
}

/// Central's face on a free port, with one website, `FF-DEMO-1`.
async fn face() -> Face {
    let folder = tempfile::tempdir().unwrap();
    let metadata = Metadata::open(folder.path().join("metadata.sqlite")).await.unwrap();
    let website = metadata
        .add_website(NewWebsite {
            name: "The <b>demo</b>".to_owned(),
            domain: "demo.example".parse().unwrap(),
            extra_domains: Vec::new(),
            tracking_id: Some("FF-DEMO-1".parse().unwrap()),
            timezone: "UTC".to_owned(),
            ip_anonymization_enabled: true,
            bot_filtering_enabled: true,
            sampling_rate: 1.0,
            owner: "owner@localhost".parse().unwrap(),
        })
        .await
        .unwrap();
    let (live, ready, shutdown) = (
        Live::open(footfall_live::Options::Memory),
        Arc::new(AtomicBool::new(true)),
        CancellationToken::new(),
    );
    let readiness = ready.clone();
    let state = ApiState {
        metadata,
        live: live.clone(),
        reports: reports(),
        warnings: Arc::new(|| vec!["a sink is late".to_owned()]),
        readiness: Arc::new(move || {
            if readiness.load(Ordering::Relaxed) {
                Vec::new()
            } else {
                vec!["the log is not open".to_owned()]
            }
        }),
        metrics: Arc::new(|| "# EOF\n".to_owned()),
        http_metrics: footfall_http_server::Metrics::default(),
        tag_edge_url: "http://127.0.0.1:8080/".to_owned(),
        names: vec!["stats.example".to_owned()],
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(serve(listener, state, shutdown.clone()));
    // The client wants to know how to encrypt, though nothing here is encrypted; another test may have said so already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Face { base, client: Client::new(), live, website, ready, shutdown, serving, folder }
}

impl Face {
    fn ask(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    async fn answer(&self, path: &str) -> Response {
        self.ask(path).send().await.unwrap()
    }

    /// Status and JSON.
    async fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.answer(path).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn visit(&self, position: u64, page: &str) {
        let Live::Memory(memory) = &self.live else { unreachable!("it was opened so") };
        memory.apply(
            SourcePartition { incarnation: [1; 16], partition: 0 },
            position + 1,
            &[LiveEvent {
                offset: position,
                website_id: &self.website.website_id,
                at_ms: now_ms(),
                page_view: true,
                user_id: "ada",
                session_id: "s",
                page_path: page,
                source: "google",
                channel: "organic",
                country: "DE",
                device_type: "mobile",
            }],
        );
    }
}

#[tokio::test]
async fn websites_are_listed_with_the_tag_to_paste() {
    let face = face().await;
    let (status, body) = face.json("/api/v1/sites").await;
    assert_eq!(status, 200);
    let site = &body["sites"][0];
    assert_eq!(site["website_id"], face.website.website_id.as_str());
    assert_eq!((&site["domain"], &site["status"]), (&json!("demo.example"), &json!("active")));
    assert_eq!(site["currency"], "USD");
    assert_eq!(
        site["tag"],
        r#"<script async src="http://127.0.0.1:8080/footfall.js" data-site="FF-DEMO-1"></script>"#
    );
}

#[tokio::test]
async fn the_live_view_is_found_by_either_id() {
    let face = face().await;
    face.visit(1, "/pricing");
    for id in ["FF-DEMO-1", &face.website.website_id] {
        let (status, view) = face.json(&format!("/api/v1/sites/{id}/realtime")).await;
        assert_eq!((status, &view["visitors_now"]), (200, &json!(1)));
        assert_eq!(view["top_pages"], json!({ "top": [{ "name": "/pricing", "pageviews": 1 }], "other": 0 }));
        assert_eq!(view["pageviews_per_minute"].as_array().map(Vec::len), Some(60));
        assert_eq!((&view["tracking_id"], &view["pageviews"]), (&json!("FF-DEMO-1"), &json!(1)));
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_with_a_sentence() {
    let face = face().await;
    for path in [
        "/api/v1/sites/FF-NOBODY/realtime",
        "/api/v1/sites/FF-NOBODY/realtime/stream",
        "/api/v1/sites/FF-NOBODY/stats?from=never",
        "/api/v1/sites/%ff/realtime",
        "/api/v1/sites/'%20OR%201=1/realtime",
        "/api/v2",
        "/assets/../mod.rs",
        "/assets/nothing.js",
    ] {
        let (status, body) = face.json(path).await;
        assert_eq!(status, 404, "{path}");
        assert!(body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{path}: {body}");
    }
    let answer =
        face.client.request(Method::POST, format!("{}/api/v1/sites", face.base)).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(answer.json::<Value>().await.unwrap()["error"].is_string());
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused_with_what_is_wrong() {
    let face = face().await;
    for (query, wrong) in [
        ("from=yesterday", "`from`"),
        ("to=2026-02-30", "`to`"),
        ("from=2026-11-23&to=2026-11-01", "after"),
        ("form=2026-11-23", "form"),
        ("limit=0", "limit"),
        ("limit=100000", "limit"),
        ("limit=all", "limit"),
        ("from=a&from=b", "from"),
        ("tz=Europe/Atlantis", "`tz`"),
        ("plan=raw", "plan"),
    ] {
        let (status, body) = face.json(&format!("/api/v1/sites/FF-DEMO-1/stats?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(body["error"].as_str().is_some_and(|sentence| sentence.contains(wrong)), "{query}: {body}");
    }
    for (query, wrong) in [
        ("", "interval"),
        ("interval=week", "interval"),
        ("interval=day&tz=", "`tz`"),
        ("interval=hour&from=2026-01-01&to=2026-12-31", "more than 750 hours"),
        ("interval=day&from=2020-01-01&to=2026-12-31", "more than 750 days"),
        ("interval=day&from=tomorrow", "`from`"),
    ] {
        let (status, body) = face.json(&format!("/api/v1/sites/FF-DEMO-1/series?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(body["error"].as_str().is_some_and(|sentence| sentence.contains(wrong)), "{query}: {body}");
    }
}

#[tokio::test]
async fn every_figure_of_the_api_has_a_definition() {
    let face = face().await;
    let (status, body) = face.json("/api/v1/definitions").await;
    assert_eq!(status, 200);
    let defined: Vec<_> =
        body["definitions"].as_array().unwrap().iter().map(|one| one["figure"].as_str().unwrap()).collect();
    for figure in ["pageviews", "visitors", "bounce_rate", "entry_pages", "goals", "fresh_until"] {
        assert_eq!(defined.iter().filter(|defined| **defined == figure).count(), 1, "{figure}");
    }
    for definition in body["definitions"].as_array().unwrap() {
        for part in ["name", "unit", "meaning"] {
            assert!(definition[part].as_str().is_some_and(|text| !text.is_empty()), "{definition}");
        }
    }
}

#[tokio::test]
async fn without_an_event_store_stats_say_so_and_the_live_view_goes_on() {
    let face = face().await;
    let answer = face.answer("/api/v1/sites/FF-DEMO-1/stats?from=2026-11-01&to=2026-11-30").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &HeaderValue::from_static("1"))
    );
    assert!(answer.json::<Value>().await.unwrap()["error"].as_str().unwrap().contains("event store"));
    assert_eq!(face.json("/api/v1/sites/FF-DEMO-1/realtime").await.0, 200);
}

#[tokio::test]
async fn health_readiness_and_metrics_are_there_for_whoever_watches() {
    let face = face().await;
    assert_eq!(face.json("/healthz").await.0, 200);
    let warnings = json!(["a sink is late"]);
    let ready = json!({ "ready": true, "missing": [], "warnings": warnings });
    assert_eq!(face.json("/readyz").await, (200, ready));
    face.ready.store(false, Ordering::Relaxed);
    assert_eq!(
        face.json("/readyz").await,
        (503, json!({ "ready": false, "missing": ["the log is not open"], "warnings": warnings }))
    );
    let metrics = face.answer("/metrics").await;
    assert!(metrics.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert_eq!(metrics.text().await.unwrap(), "# EOF\n");
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    let face = face().await;
    let state = ApiState {
        metadata: Metadata::open(face.folder.path().join("metadata.sqlite")).await.unwrap(),
        live: Live::open(footfall_live::Options::Memory),
        reports: reports(),
        readiness: Arc::new(Vec::new),
        warnings: Arc::new(Vec::new),
        metrics: Arc::new(String::new),
        http_metrics: footfall_http_server::Metrics::default(),
        tag_edge_url: String::new(),
        names: Vec::new(),
    };
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, state, CancellationToken::new()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
}
