//! The dashboard with made-up visitors, for whoever works on its looks: `cargo run -p footfall-central --example dashboard`.
//! Nothing is stored.
//!
//! `--quiet` makes no visits (the page of a new website); `--away` leaves the event store out; `--underived` has no derived tables yet;
//! `--hostile` names a page and a source as an attacker would, so that what must stay text can be seen to stay text.

mod event_store;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use std::convert::Infallible;

use axum::Router;
use event_store::{MadeUp, made_up_figures};
use footfall_central::api::{ApiState, serve};
use footfall_clickhouse::QueryClient;
use footfall_http_server::{Limits, Metrics, Server};
use footfall_live::{Live, LiveEvent, LiveWriter, Options, SourcePartition};
use footfall_metadata::{GoalType, MatchType, Metadata, NewWebsite, Pattern, Target};
use footfall_query::Reports;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

const PAGES: [(&str, u64); 11] = [
    ("/", 34),
    ("/pricing", 17),
    ("/docs/getting-started", 14),
    ("/blog/2026/what-an-fsync-costs-and-why-we-pay-it-before-we-answer", 11),
    ("/features", 8),
    ("/docs/self-hosting", 6),
    ("/customers", 4),
    ("/changelog", 3),
    ("/über-uns", 2),
    ("/blog", 2),
    ("/contact", 1),
];
const SOURCES: [(&str, u64); 6] = [
    ("google", 38),
    ("direct", 31),
    ("news.ycombinator.com", 14),
    ("mastodon", 8),
    ("newsletter", 4),
    ("", 3),
];
const CHANNELS: [(&str, u64); 5] =
    [("organic", 38), ("direct", 31), ("social", 22), ("email", 4), ("other", 3)];
const COUNTRIES: [(&str, u64); 7] =
    [("DE", 30), ("US", 24), ("FR", 12), ("GB", 11), ("JP", 8), ("BR", 5), ("", 2)];
const BROWSERS: [(&str, u64); 4] = [("Chrome", 54), ("Safari", 27), ("Firefox", 15), ("Edge", 6)];
const GOALS: [(&str, &str, u64); 4] = [
    ("Signed up for the newsletter that comes every other Thursday", "/thanks", 31),
    ("Read the prices", "/pricing", 17),
    ("Bought", "/bought", 5),
    ("Wrote to us", "/sent", 2),
];
const DEVICES: [(&str, u64); 3] = [("desktop", 58), ("mobile", 37), ("tablet", 5)];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let metadata = Metadata::open(folder.path().join("metadata.sqlite")).await?;
    let visited = metadata.add_website(website("Juniper & Co.", "juniper.example", "FF-DEMO-1")?).await?;
    metadata.add_website(website("Zine", "zine.example", "FF-ZINE")?).await?;
    let mut goals = Vec::new();
    for (name, page, share) in GOALS {
        let target = Target::new(GoalType::Destination, Some(Pattern::new(MatchType::Equals, page)?), None)?;
        goals.push((metadata.add_goal(&visited, name, &target).await?.goal_id, share));
    }

    let live = Live::open(Options::Memory);
    let mut writer = live.writer(SourcePartition { incarnation: [1; 16], partition: 0 });
    let mut dice = Dice(fastrand::Rng::with_seed(7));
    let started = now_ms();
    let mut position = 0;
    for second in (-3600..0).filter(|_| !flag("--quiet")) {
        if dice.roll(100) < rate(second) {
            visit(&mut writer, position, &visited.website_id, started + second * 1000, &mut dice).await?;
            position += 1;
        }
    }

    let engine = TcpListener::bind("127.0.0.1:0").await?;
    let reports = QueryClient::open(&format!("http://{}", engine.local_addr()?), "footfall")?;
    if flag("--away") {
        drop(engine);
    } else {
        let visited = if flag("--quiet") { "nobody".to_owned() } else { visited.website_id.clone() };
        let engine_app =
            Router::new().fallback(made_up_figures).with_state(Arc::new(MadeUp { visited, goals }));
        let answer = move |request, _| {
            let mut app = engine_app.clone();
            async move { app.call(request).await.unwrap_or_else(|never: Infallible| match never {}) }
        };
        let server = Server::new(Limits::of(64), |_| false, Metrics::default());
        tokio::spawn(async move { server.serve(engine, answer, CancellationToken::new()).await });
    }

    let listener = TcpListener::bind("127.0.0.1:8091").await?;
    println!("http://{}/", listener.local_addr()?);
    let state = ApiState {
        metadata,
        live: live.clone(),
        reports: Reports::new(reports, live.answers(), Duration::ZERO, footfall_query::Metrics::default()),
        readiness: Arc::new(Vec::new),
        warnings: Arc::new(Vec::new),
        metrics: Arc::new(|| "# EOF\n".to_owned()),
        http_metrics: Metrics::default(),
        tag_edge_url: "http://127.0.0.1:8080".to_owned(),
        names: Vec::new(),
    };
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, state, shutdown.clone()));
    let visits = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200 + dice.roll(1800))).await;
            if !flag("--quiet") {
                let seen = visit(&mut writer, position, &visited.website_id, now_ms(), &mut dice).await;
                if let Err(error) = seen {
                    return error;
                }
                position += 1;
            }
        }
    };
    tokio::select! {
        error = visits => return Err(error),
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    shutdown.cancel();
    Ok(serving.await??)
}

/// Visits per hundred seconds: a wave with a bump.
fn rate(second: i64) -> u64 {
    let wave = (second as f64 / 900.0).sin() * 14.0 + 22.0;
    let bump = 55.0 * (-((second as f64 + 1500.0) / 260.0).powi(2)).exp();
    (wave + bump) as u64
}

async fn visit(
    writer: &mut LiveWriter,
    offset: u64,
    website_id: &str,
    at_ms: i64,
    dice: &mut Dice,
) -> anyhow::Result<()> {
    let user = dice.roll(400).to_string();
    let sighting = LiveEvent {
        offset,
        website_id,
        at_ms,
        page_view: true,
        user_id: &user,
        session_id: &user,
        page_path: named(dice.pick(&PAGES)),
        source: named(dice.pick(&SOURCES)),
        channel: dice.pick(&CHANNELS),
        country: dice.pick(&COUNTRIES),
        device_type: dice.pick(&DEVICES),
    };
    Ok(writer.apply(offset + 1, &[sighting], at_ms).await?)
}

/// With `--hostile`, what an attacker would send in the name's place.
fn named(name: &str) -> &str {
    match name {
        "/customers" if flag("--hostile") => "/<script>alert(1)</script>",
        "newsletter" if flag("--hostile") => "\"><img src=x onerror=alert(1)>",
        name => name,
    }
}

fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

fn website(name: &str, domain: &str, tracking_id: &str) -> anyhow::Result<NewWebsite> {
    Ok(NewWebsite {
        name: name.to_owned(),
        domain: domain.parse()?,
        extra_domains: Vec::new(),
        tracking_id: Some(tracking_id.parse()?),
        timezone: "Europe/Berlin".to_owned(),
        ip_anonymization_enabled: true,
        bot_filtering_enabled: true,
        sampling_rate: 1.0,
        owner: "owner@localhost".parse()?,
    })
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Randomness that is the same every time.
struct Dice(fastrand::Rng);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0.u64(..sides)
    }

    fn pick<'a>(&mut self, weighted: &[(&'a str, u64)]) -> &'a str {
        let mut roll = self.roll(weighted.iter().map(|(_, weight)| weight).sum());
        for (name, weight) in weighted {
            if roll < *weight {
                return name;
            }
            roll -= weight;
        }
        unreachable!("the roll is below the sum of the weights")
    }
}
