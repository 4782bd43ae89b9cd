//! The dashboard's page in a real browser, over answers of central that a story makes up: what stands in the address, lists that open,
//! and figures that are not of now.

mod figures;

use std::path::Path;
use std::time::Duration;

use footfall_tests::browser::Browser;
use footfall_tests::recorder::{Recorder, Reply};
use serde_json::{Value, json};

/// For a page that was told to ask.
const PATIENCE: Duration = Duration::from_secs(20);
/// Names in each list of the made-up figures of a period, and of the last half hour.
const NAMES: usize = 40;
const LIVE_NAMES: usize = 10;

const SHOWN: &str = "return [location.hash, document.querySelector('#site').value, \
                     document.querySelector('input[name=period]:checked').value]";

fn rows(count: usize) -> Value {
    let row =
        |n| json!({ "name": format!("name-{n}"), "pageviews": 100 - n, "visits": 90 - n, "bounces": n });
    (0..count).map(row).collect()
}

fn answer(body: &Value) -> Reply {
    Reply::file("application/json", body.to_string())
}

/// Two websites that were visited.
fn serve(central: &Recorder) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../central/server/src/api/dashboard");
    for entry in std::fs::read_dir(folder).expect("the dashboard's files").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, media_type) = match name.rsplit('.').next() {
            Some("html") => ("/".to_owned(), "text/html"),
            Some("css") => (format!("/assets/{name}"), "text/css"),
            Some("svg") => (format!("/assets/{name}"), "image/svg+xml"),
            _ => (format!("/assets/{name}"), "text/javascript"),
        };
        central.serve(&path, Reply::file(media_type, std::fs::read(entry.path()).expect("readable")));
    }
    let site = |id: &str| json!({ "tracking_id": id, "name": id, "domain": "x.test", "status": "active", "tag": "-", "timezone": "Pacific/Apia" });
    central.serve("/api/v1/sites", answer(&json!({ "sites": [site("FF-A"), site("FF-B")] })));
    for id in ["FF-A", "FF-B"] {
        let live = json!({ "top": rows(LIVE_NAMES), "other": 5 });
        let realtime = json!({
            "at_ms": 1_800_000_000_000_i64, "visitors_now": 3, "pageviews": 9, "pageviews_per_minute": vec![2; 60],
            "top_pages": live, "sources": live, "channels": live, "countries": live, "devices": live,
        });
        central.serve(&format!("/api/v1/sites/{id}/realtime"), answer(&realtime));
        central.serve(&format!("/api/v1/sites/{id}/stats"), answer(&stats()));
        let bucket = |hour| json!({ "start": format!("2026-11-01T{hour:02}:00:00+13:00"), "pageviews": hour * 100, "visitors": hour });
        let series = json!({
            "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "interval": "hour",
            "buckets": (0..24).map(bucket).collect::<Value>(),
        });
        central.serve(&format!("/api/v1/sites/{id}/series"), answer(&series));
    }
    let definition = json!({ "figure": "bounce_rate", "name": "Bounce rate", "unit": "share", "meaning": "How many left." });
    central.serve("/api/v1/definitions", answer(&json!({ "definitions": [definition] })));
}

/// The figures of a period.
fn stats() -> Value {
    let list = rows(NAMES);
    json!({
        "visitors": 1, "pageviews": 90_000, "sessions": 2, "average_engagement_ms": 5_000,
        "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z",
        "top_pages": list, "sources": list, "channels": list, "countries": list, "devices": list, "browsers": list,
        "visits": {
            "visits": 80_000, "bounces": 20_000, "bounce_rate": 0.25, "average_duration_s": 83.4, "pages_per_visit": 1.125,
            "conversions": 40, "conversion_rate": 0.0005, "revenue": 1234.5,
        },
        "entry_pages": list, "exit_pages": list,
        "goals": [
            { "goal_id": "a", "name": "<b>Bought</b>", "conversions": 30, "times": 31, "revenue": 1234.5 },
            { "goal_id": "b", "name": null, "conversions": 10, "times": 10, "revenue": 0.0 },
        ],
        "meta": { "plan": [], "fresh_until": null, "sessions_until": "2026-11-01T12:00:00Z", "tz": "Pacific/Apia" },
    })
}

async fn open(central: &Recorder, hash: &str) -> Browser {
    let browser = Browser::start().await;
    browser.open(&format!("{}/{hash}", central.origin())).await;
    browser.wait_for("document.querySelectorAll('#period-pages li').length > 1").await;
    browser.wait_for("document.querySelectorAll('#live-pages li').length > 1").await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn website_and_period_stand_in_the_address() {
    let central = Recorder::start().await;
    serve(&central);
    let browser = open(&central, "#FF-B?days=7").await;
    assert_eq!(browser.run(SHOWN).await, json!(["#FF-B?days=7", "FF-B", "7"]));
    let asked = |seen: &footfall_tests::recorder::Seen| seen.path == "/api/v1/sites/FF-A/stats";
    assert!(!central.seen().iter().any(asked), "only what the address names is asked for");
    browser.run("document.querySelector('input[name=period][value=\"30\"]').click()").await;
    let choose = "const site = document.querySelector('#site'); site.value = 'FF-A'; site.dispatchEvent(new Event('change'))";
    browser.run(choose).await;
    browser.run("document.querySelector('input[name=period][value=\"1\"]').click()").await;
    assert_eq!(browser.run(SHOWN).await, json!(["#FF-A", "FF-A", "1"]));
    for expected in
        [["#FF-A?days=30", "FF-A", "30"], ["#FF-B?days=30", "FF-B", "30"], ["#FF-B?days=7", "FF-B", "7"]]
    {
        browser.client().back().await.expect("there is a step before");
        browser.wait_for(&format!("location.hash === '{}'", expected[0])).await;
        browser.wait_for(&format!("document.querySelector('#site').value === '{}'", expected[1])).await;
        assert_eq!(browser.run(SHOWN).await, json!(expected));
    }
    browser.client().forward().await.expect("there is a step after");
    browser.wait_for("document.querySelector('input[name=period]:checked').value === '30'").await;
    assert_eq!(browser.run(SHOWN).await, json!(["#FF-B?days=30", "FF-B", "30"]));
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_opens_beyond_its_first_rows_and_closes_again() {
    let central = Recorder::start().await;
    serve(&central);
    let browser = open(&central, "").await;
    let count = "return Object.fromEntries([...document.querySelectorAll('.lists ol')].map((list) => \
                 [list.id, list.querySelectorAll('li:not(.other)').length]))";
    let closed = browser.run(count).await;
    for (list, first) in closed.as_object().expect("lists by name") {
        let expected =
            if list.ends_with("devices") && list.starts_with("period") || list.ends_with("browsers") {
                3
            } else {
                7
            };
        assert_eq!(*first, expected, "{list}");
        let button = format!("#{list} + .more");
        browser.click(&button).await;
        let all = if list.starts_with("live") { LIVE_NAMES } else { NAMES };
        browser
            .wait_for(&format!("document.querySelectorAll('#{list} li:not(.other)').length === {all}"))
            .await;
        let said = format!(
            "const more = document.querySelector('{button}'); return [more.textContent, more.ariaExpanded]"
        );
        assert_eq!(browser.run(&said).await, json!(["Show fewer", "true"]), "{list}");
        browser.click(&button).await;
        browser
            .wait_for(&format!("document.querySelectorAll('#{list} li:not(.other)').length === {expected}"))
            .await;
        assert_eq!(browser.run(&said).await, json!(["Show more", "false"]), "{list}");
    }
    let limits: std::collections::BTreeSet<_> = central
        .seen()
        .iter()
        .filter_map(|seen| Some(seen.query.split_once("limit=")?.1.to_owned()))
        .collect();
    assert_eq!(limits.into_iter().collect::<Vec<_>>(), ["1", "100", "7"]);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_that_are_not_of_now_are_dimmed_and_say_so() {
    let central = Recorder::start().await;
    serve(&central);
    let browser = open(&central, "").await;
    let stale = "[...document.querySelectorAll('.stale')].map((figures) => figures.id)";
    assert_eq!(browser.run(&format!("return {stale}")).await, json!([]));
    for path in ["/api/v1/sites", "/api/v1/sites/FF-A/realtime", "/api/v1/sites/FF-A/stats"] {
        central.serve(path, Reply::status(500));
    }
    browser.wait_for(&format!("{stale}.length === 3")).await;
    assert_eq!(browser.run(&format!("return {stale}")).await, json!(["now", "recent", "period-body"]));
    for notice in ["live-notice", "stats-notice"] {
        let told = browser.run(&format!("return document.getElementById('{notice}').textContent")).await;
        assert!(told.as_str().is_some_and(|told| told.contains("These figures are of ")), "{notice}: {told}");
    }
    serve(&central);
    browser.wait_for(&format!("{stale}.length === 0")).await;
    let notices = "return ['live-notice', 'stats-notice'].map((id) => document.getElementById(id).hidden)";
    assert_eq!(browser.run(notices).await, json!([true, true]));
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_forced_colours_what_is_shown_has_edges() {
    let central = Recorder::start().await;
    serve(&central);
    let browser = open(&central, "").await;
    let forced = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    browser.devtools("Emulation.setEmulatedMedia", forced).await;
    browser.wait_for("matchMedia('(forced-colors: active)').matches").await;
    // What would be drawn by a background or a shadow alone cannot be seen.
    let unseen = "const style = (selector) => getComputedStyle(document.querySelector(selector)); \
        const paper = getComputedStyle(document.body).backgroundColor; \
        return [style('.chart rect').fill !== paper, style('.lists .share').borderBottomStyle, style('.card').borderTopStyle, \
                style('.dot').borderTopStyle, style('.segments input:checked + span').outlineStyle, style('.lists .more').borderTopStyle]";
    let expected = json!([true, "solid", "solid", "solid", "solid", "solid"]);
    assert_eq!(browser.run(unseen).await, expected);
    browser.screenshot("dashboard-forced-colours").await;
    browser.quit().await;
}
