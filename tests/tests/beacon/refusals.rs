//! What the edge refuses for good: not sent again, and told to the owner of the page once.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use footfall_edge::config::{Config, Geo, Health, Http, Journal};
use footfall_edge::server::Listeners;
use footfall_proto::relay::{Policy, Site, SiteStatus};
use footfall_tests::browser::Browser;
use footfall_tests::recorder::{Recorder, Reply, Seen};
use footfall_tests::stage::Stage;
use hyper::Method;
use prost::Message;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::AN_HOUR;

/// Keeps what the page's console is told.
const LISTEN: &str = "window.said = []; console.warn = (text) => said.push(text)";

async fn listening() -> Stage {
    let stage = Stage::new().await;
    stage.browser.stop_clocks().await;
    stage.browser.before_each_page(LISTEN).await;
    stage
}

fn refusal(status: u16, sentence: &str) -> Reply {
    let body = json!({ "error": sentence, "reason": "of no matter" }).to_string();
    Reply::file("application/json", body).with_status(status)
}

/// What the console was told, when it was told something.
async fn said(stage: &Stage) -> Vec<String> {
    stage.browser.wait_for("said.length").await;
    serde_json::from_value(stage.browser.run("return said").await).expect("texts")
}

/// How often the edge was asked what it would take.
fn asked(stage: &Stage) -> usize {
    let asks =
        |seen: &Seen| seen.method == Method::GET && seen.path == "/e" && seen.query == "site=FF-TEST-1";
    stage.edge.seen().iter().filter(|seen| asks(seen)).count()
}

/// Everything that a page does later on, for an hour.
async fn live_on(stage: &Stage) {
    for script in ["footfall('event', { action: 'later' })", "history.pushState(null, '', '/later')"] {
        stage.browser.run(script).await;
        stage.browser.advance(AN_HOUR).await;
        stage.barrier().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_403_that_the_page_may_read_ends_its_sending_and_is_told_once() {
    let stage = listening().await;
    stage.edge.answer_post(refusal(403, "no site has this tracking id"));
    stage.browser.open(&stage.url("/a")).await;
    let told = said(&stage).await;
    assert!(told[0].contains("403 to FF-TEST-1: no site has this tracking id"), "{told:?}");
    live_on(&stage).await;
    assert_eq!(said(&stage).await.len(), 1);
    assert_eq!((stage.edge.posts().len(), asked(&stage)), (1, 0));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_403_that_the_page_may_not_read_is_asked_for_once_and_ends_its_sending() {
    let stage = listening().await;
    stage.edge.answer_post(refusal(403, "secret").closed());
    stage.edge.serve("/e", refusal(403, "pages of this origin may not send events for this site"));
    stage.browser.open(&stage.url("/a")).await;
    let told = said(&stage).await;
    assert!(told[0].contains("403 to FF-TEST-1: pages of this origin may not send"), "{told:?}");
    live_on(&stage).await;
    assert_eq!(said(&stage).await.len(), 1);
    assert_eq!((stage.edge.posts().len(), asked(&stage)), (1, 1));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_no_refusal() {
    let stage = listening().await;
    // Nothing that answers can be read; then only the batch is lost and the edge would take it.
    stage.edge.serve("/e", Reply::status(502).closed());
    stage.edge.answer_post(Reply::status(502).closed());
    stage.edge.answer_post(Reply::status(502).closed());
    stage.browser.open(&stage.url("/a")).await;
    stage.edge.wait_for_posts(1).await;
    stage.browser.advance(Duration::from_millis(stage.next_timer().await)).await;
    stage.edge.wait_for_posts(2).await;
    let again = stage.next_timer().await;
    assert_eq!(asked(&stage), 2, "an answer that was lost is asked for again");
    stage.edge.serve("/e", Reply::status(204));
    stage.edge.answer_post(Reply::status(502).closed());
    stage.browser.advance(Duration::from_millis(again)).await;
    stage.edge.wait_for_posts(3).await;
    stage.edge.answer_post(Reply::status(502).closed());
    stage.browser.advance(Duration::from_millis(stage.next_timer().await)).await;
    stage.edge.wait_for_posts(4).await;
    stage.browser.advance(Duration::from_millis(stage.next_timer().await)).await;
    let posts = stage.edge.wait_for_posts(5).await;
    assert_eq!(posts.iter().map(|post| post.batch().attempt).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(asked(&stage), 3, "that the edge would take it is asked once");
    assert_eq!(stage.browser.run("return said").await, Value::Array(Vec::new()));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_one_batch_is_told_once_and_stops_no_other() {
    for status in [400, 404, 413, 415] {
        let stage = listening().await;
        stage.edge.answer_post(refusal(status, "of no use"));
        stage.edge.answer_post(Reply::status(status));
        stage.browser.open(&stage.url("/a")).await;
        let told = said(&stage).await;
        assert!(told[0].contains(&format!("{status} to FF-TEST-1: of no use")), "{told:?}");
        live_on(&stage).await;
        let posts = stage.edge.posts();
        assert!(posts.len() >= 3, "{status}");
        assert!(posts.iter().all(|post| post.batch().attempt == 0), "{status}: nothing was sent again");
        assert_eq!(said(&stage).await.len(), 1, "{status}");
        stage.end().await;
    }
}

/// A real edge that serves the beacon and knows one site of this machine.
/// An edge on this data: where it takes events, where it tells its metrics, and what ends it.
fn real_edge(data: &Path) -> (String, String, CancellationToken) {
    // Another test has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let site = Site {
        website_id: "6b1ab2a4-0000-4000-8000-000000000001".into(),
        tracking_id: "FF-REAL".into(),
        domain: "127.0.0.1".into(),
        status: SiteStatus::Active as i32,
        ..Site::default()
    };
    let policy = Policy { policy_id: 1, sites: vec![site] };
    std::fs::write(data.join("policy.bin"), policy.encode_to_vec()).expect("the policy can be written");
    let config = Config {
        data: data.to_owned(),
        http: Http {
            listen: "127.0.0.1:0".parse().expect("an address"),
            workers: 1,
            max_connections: 100,
            trusted_proxies: Vec::new(),
        },
        health: Some(Health { listen: "127.0.0.1:0".parse().expect("an address"), names: Vec::new() }),
        central: None,
        journal: Journal { max_bytes: 64 << 20, segment_bytes: 1 << 20 },
        assets: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../beacon-wasm/dist")),
        geo: Geo { databases: Vec::new(), private_as: None },
    };
    let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (http, health) = (bind(), bind());
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("it is bound"));
    let (edge, metrics, stop) = (url(&http), url(&health), CancellationToken::new());
    tokio::spawn(footfall_edge::run(config, Listeners { http, health: Some(health) }, stop.clone()));
    (edge, metrics, stop)
}

/// The mistakes of a site's owner, from the script to the edge and back.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_reads_in_the_console_what_is_wrong() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let (edge, health, stop) = real_edge(data.path());
    let _stop = stop.drop_guard();
    let (site, browser) = (Recorder::start().await, Browser::start().await);
    browser.before_each_page(LISTEN).await;
    let html = |id: &str| {
        format!("<!doctype html><title>x</title><script src='{edge}/footfall.js' data-site='{id}'></script>")
    };
    for (path, id) in [("/wrong", "FF-WRONG"), ("/right", "FF-REAL")] {
        site.serve(path, Reply::file("text/html", html(id)));
    }
    let accepted = async || {
        let metrics = footfall_tests::http::get(&format!("{health}/metrics")).await.expect("served");
        let text = metrics.text().await.expect("whole");
        let line = text.lines().find(|line| line.starts_with("footfall_edge_events_accepted_total "));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).expect("a count")
    };
    // The same machine by another name: an origin that is no site's.
    let foreign = site.origin().replace("127.0.0.1", "localhost") + "/right";
    for (url, sentence) in [
        (format!("{}/wrong", site.origin()), "403 to FF-WRONG: no site has this tracking id"),
        (foreign, "403 to FF-REAL: pages of this origin may not send events for this site"),
    ] {
        browser.open(&url).await;
        browser.wait_for("said.length").await;
        let told = browser.run("return said").await;
        assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
        assert!(told[0].as_str().is_some_and(|told| told.contains(sentence)), "{told}");
    }
    assert!(accepted().await < 1.0);
    browser.open(&format!("{}/right", site.origin())).await;
    footfall_tests::wait::until("the page view is taken", Duration::from_secs(20), || async {
        (accepted().await >= 1.0).then_some(())
    })
    .await;
    assert_eq!(browser.run("return said").await, Value::Array(Vec::new()));
    browser.quit().await;
}
