//! Statistics over HTTP from the real engine: what the API answers equals what a plain program counts from the same events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use footfall_central::api::{ApiState, serve};
use footfall_live::Live;
use footfall_metadata::{Metadata, NewWebsite, Website};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Engine, eventually};

pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const FIRST_DAY: OffsetDateTime = datetime!(2026-03-01 0:00 UTC);
const NAMES: [&str; 5] = ["", "a", "b", "'; DROP TABLE events_local --", "<script>\t\\n{x:String}?"];

/// Central's face over a real event store.
pub(crate) struct Central {
    base: String,
    client: reqwest::Client,
    pub(crate) engine: Engine,
    pub(crate) websites: [Website; 2],
    shutdown: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

pub(crate) async fn central() -> Central {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path()).await;
    let metadata = Metadata::open(folder.path().join("metadata.sqlite")).await.unwrap();
    let websites = [website(&metadata, "FF-A").await, website(&metadata, "FF-B").await];
    let state = ApiState {
        metadata,
        live: Live::open(footfall_live::Options::Memory),
        reports: crate::support::reports(engine.store.query_client()),
        readiness: Arc::new(Vec::new),
        warnings: Arc::new(Vec::new),
        metrics: Arc::new(String::new),
        http_metrics: footfall_http_server::Metrics::default(),
        tag_edge_url: "http://127.0.0.1:8080".to_owned(),
        names: Vec::new(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/v1/sites", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, state, shutdown.clone()));
    Central { base, client: crate::support::http(), engine, websites, shutdown, serving, _folder: folder }
}

async fn website(metadata: &Metadata, tracking_id: &str) -> Website {
    let new = NewWebsite {
        name: tracking_id.to_owned(),
        domain: "localhost".parse().unwrap(),
        extra_domains: Vec::new(),
        tracking_id: Some(tracking_id.parse().unwrap()),
        timezone: "UTC".to_owned(),
        ip_anonymization_enabled: true,
        bot_filtering_enabled: true,
        sampling_rate: 1.0,
        owner: "owner@localhost".parse().unwrap(),
    };
    metadata.add_website(new).await.unwrap()
}

impl Central {
    async fn insert(&self, rows: &[Row]) {
        self.insert_at(rows, 0).await;
    }

    /// Inserts events that stand in the log at one offset.
    pub(crate) async fn insert_at(&self, rows: &[Row], log_offset: u64) {
        let line = |row: &Row| {
            let mut json = row.json(&self.websites);
            json["log_offset"] = json!(log_offset);
            json.to_string()
        };
        let lines: Vec<String> = rows.iter().map(line).collect();
        let client = self.engine.client();
        let mut insert = client.insert_formatted_with("INSERT INTO events_local FORMAT JSONEachRow");
        insert.send(lines.join("\n").into()).await.unwrap();
        insert.end().await.unwrap();
    }

    async fn ask(&self, query: &str) -> (u16, Value) {
        self.ask_for("stats", query).await
    }

    pub(crate) async fn ask_for(&self, report: &str, query: &str) -> (u16, Value) {
        let answer = self.client.get(format!("{}/FF-A/{report}?{query}", self.base)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn stats(&self, query: &str) -> Value {
        let (status, body) = self.ask(query).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap().unwrap();
        self.engine.stop().await;
    }
}

/// One stored event, by small numbers.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) website: usize,
    pub(crate) at_ms: i64,
    pub(crate) pageview: bool,
    pub(crate) user: u64,
    pub(crate) session: u64,
    pub(crate) name: usize,
    pub(crate) engagement_ms: u32,
    /// Hundredths.
    pub(crate) kept: u32,
    pub(crate) bot: bool,
    pub(crate) duplicate: bool,
}

impl Row {
    fn json(&self, websites: &[Website; 2]) -> Value {
        json!({
            "website_id": websites[self.website].website_id, "server_timestamp": self.at_ms, "client_timestamp": self.at_ms,
            "event_type": if self.pageview { "pageview" } else { "engagement" },
            "user_id": self.user.to_string(), "session_id": self.session.to_string(),
            "page_path": NAMES[self.name], "source_name": NAMES[self.name], "traffic_source": NAMES[self.name], "country": NAMES[self.name],
            "device_type": NAMES[self.name], "browser": NAMES[self.name],
            "engagement_ms": self.engagement_ms, "sample_rate": f64::from(self.kept) / 100.0,
            "is_bot": u8::from(self.bot), "is_duplicate": u8::from(self.duplicate),
        })
    }

    pub(crate) fn weight(&self) -> f64 {
        100.0 / f64::from(self.kept)
    }
}

/// The same rows for the same seed.
pub(crate) struct Dice(pub(crate) fastrand::Rng);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0.u64(..sides)
    }

    pub(crate) fn row(&mut self) -> Row {
        let pageview = self.roll(3) > 0;
        let user = self.roll(60);
        Row {
            website: usize::from(self.roll(5) == 0),
            at_ms: FIRST_DAY.unix_timestamp() * 1000 + self.roll(4 * DAY_MS as u64) as i64,
            pageview,
            user,
            session: user * 10 + self.roll(4),
            name: self.roll(NAMES.len() as u64) as usize,
            engagement_ms: if pageview { 0 } else { self.roll(60_000) as u32 },
            kept: [100, 100, 50, 10][self.roll(4) as usize],
            bot: self.roll(10) == 0,
            duplicate: self.roll(10) == 0,
        }
    }
}

/// The same figures, counted one by one.
fn expected(rows: &[Row], from_ms: i64, to_ms: i64, bots: bool) -> Value {
    let counted: Vec<&Row> = rows
        .iter()
        .filter(|row| row.website == 0 && (from_ms..to_ms).contains(&row.at_ms))
        .filter(|row| (bots || !row.bot) && !row.duplicate)
        .collect();
    let views: Vec<&&Row> = counted.iter().filter(|row| row.pageview).collect();
    let weights = |rows: &mut dyn Iterator<Item = &Row>| rows.map(Row::weight).sum::<f64>();
    let pageviews = weights(&mut views.iter().map(|row| **row));
    let engagement: f64 = counted.iter().map(|row| f64::from(row.engagement_ms) * row.weight()).sum();
    let mut names: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &views {
        names.entry(NAMES[row.name]).or_default().push(row);
    }
    let mut list: Vec<(u64, &str, usize)> = names
        .iter()
        .map(|(name, rows)| {
            let users: BTreeSet<u64> = rows.iter().map(|row| row.user).collect();
            (weights(&mut rows.iter().copied()).round() as u64, *name, users.len())
        })
        .collect();
    list.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let list: Vec<Value> =
        list.iter().map(|(pageviews, name, visitors)| json!({ "name": name, "pageviews": pageviews, "visitors": visitors })).collect();
    json!({
        "pageviews": pageviews.round() as u64,
        "visitors": counted.iter().map(|row| row.user).collect::<BTreeSet<_>>().len(),
        "sessions": counted.iter().map(|row| row.session).collect::<BTreeSet<_>>().len(),
        "average_engagement_ms": if views.is_empty() { Value::Null } else { json!(engagement / pageviews) },
        "top_pages": list, "sources": list, "channels": list, "countries": list, "devices": list, "browsers": list,
    })
}

fn assert_same(answered: &Value, expected: &Value, question: &str) {
    for (key, wanted) in expected.as_object().unwrap() {
        let got = &answered[key];
        let close = match (got.as_f64(), wanted.as_f64()) {
            (Some(got), Some(wanted)) => (got - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
            _ => got == wanted,
        };
        assert!(close, "{question}: {key} is {got}, not {wanted}");
    }
}

fn instant(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap().format(&Rfc3339).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_equal_what_is_counted_one_by_one() {
    let central = central().await;
    let mut dice = Dice(fastrand::Rng::with_seed(20_261_123));
    let rows: Vec<Row> = (0..5_000).map(|_| dice.row()).collect();
    central.insert(&rows).await;
    let day = |n: i64| FIRST_DAY.unix_timestamp() * 1000 + n * DAY_MS;

    for (query, from, to) in [
        ("from=2026-03-01&to=2026-03-04", day(0), day(4)),
        ("from=2026-03-02&to=2026-03-02", day(1), day(2)),
        ("from=2026-03-01T12:00:00Z&to=2026-03-03", day(0) + DAY_MS / 2, day(3)),
        ("from=2026-03-01&to=2026-03-04&bots=true", day(0), day(4)),
        ("from=2020-01-01&to=2020-12-31", 0, 1),
    ] {
        assert_same(
            &central.stats(query).await,
            &expected(&rows, from, to, query.ends_with("&bots=true")),
            query,
        );
    }
    for _ in 0..20 {
        let from = day(0) + dice.roll(4 * DAY_MS as u64) as i64;
        let to = from + dice.roll(2 * DAY_MS as u64) as i64;
        let query = format!("from={}&to={}", instant(from), instant(to));
        assert_same(&central.stats(&query).await, &expected(&rows, from, to, false), &query);
    }

    let whole = central.stats("from=2026-03-01&to=2026-03-04").await;
    let two = central.stats("from=2026-03-01&to=2026-03-04&limit=2").await;
    assert_eq!(two["top_pages"].as_array().unwrap()[..], whole["top_pages"].as_array().unwrap()[..2]);
    assert_eq!(
        (&whole["from"], &whole["to"]),
        (&json!("2026-03-01T00:00:00Z"), &json!("2026-03-05T00:00:00Z"))
    );
    assert_eq!(central.stats("").await["average_engagement_ms"], Value::Null);
    central.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_say_that_the_event_store_is_away_and_come_back_with_it() {
    let central = central().await;
    let rows: Vec<Row> = (0..100).map(|seed| Dice(fastrand::Rng::with_seed(seed)).row()).collect();
    central.insert(&rows).await;
    let query = "from=2026-03-01&to=2026-03-04";
    let before = central.stats(query).await;
    assert!(central.engine.kill());
    let mut refused = None;
    eventually("figures are back", async || match central.ask(query).await {
        (200, after) => after == before && refused.is_some(),
        (status, body) => {
            refused = Some(body);
            assert_eq!(status, 503);
            false
        }
    })
    .await;
    assert!(refused.unwrap()["error"].as_str().unwrap().starts_with("the event store does not answer"));
    central.end().await;
}
