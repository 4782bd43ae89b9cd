//! An edge with a valid certificate whose journal is forged: other websites' records, of the year 2031, of 4,000 days. It writes no row that
//! an edge cannot know, delays nobody, and a person can give what was parked to the store again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_harness::authority::{Authority, CENTRAL, Usage};
use footfall_harness::edge::{FakeEdge, now_ms};
use serde_json::Value;

use crate::readiness::settings::Scene;
use crate::support::central::quoted;
use crate::support::{DAY_MS, eventually, record_of};

/// 2031-02-27.
const YEAR_2031: i64 = 1_930_000_000_000;
/// A release build has two seconds; this one shares two cores with other tests.
const DELAY: Duration = Duration::from_secs(8);

/// A central that edges with certificates of an authority can reach.
fn scene() -> (Scene, Authority) {
    let mut scene = Scene::new();
    let authority = Authority::new(&scene.place.dir.path().join("certificates"));
    let identity = authority.issue(CENTRAL, Usage::Server);
    let relay = format!(
        "listen = '127.0.0.1:0'\ncertificate = {}\nkey = {}\nca = {}",
        quoted(&identity.certificate),
        quoted(&identity.key),
        quoted(&authority.ca())
    );
    scene.place.set("relay", relay);
    (scene, authority)
}

/// What a command prints, an object a line.
fn told(scene: &Scene, arguments: &[&str]) -> Vec<Value> {
    let output = scene.place.ask(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Adds a website; its id.
fn website(scene: &Scene, name: &str) -> String {
    let domain = format!("{name}.example");
    let added = told(scene, &["admin", "website", "add", "--name", name, "--domain", &domain, "--json"]);
    added[0]["website_id"].as_str().expect("an id").to_owned()
}

async fn count(scene: &Scene, what: &str) -> u64 {
    let question = format!("SELECT toUInt64({what}) FROM events_local");
    scene.events.query(&question).fetch_one().await.expect("an answer")
}

/// The outcomes of giving it again, by the reason for which it was parked.
fn outcomes(
    scene: &Scene,
    arguments: &[&str],
    reasons: &BTreeMap<String, String>,
) -> BTreeMap<String, Vec<String>> {
    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for outcome in told(scene, &[&["dead-letter", "replay", "--json"], arguments].concat()) {
        let place = outcome["place"].as_str().expect("a place");
        let word = outcome["outcome"].as_str().expect("a word").to_owned();
        outcomes.entry(reasons[place].clone()).or_default().push(word);
    }
    for words in outcomes.values_mut() {
        words.sort_unstable();
        words.dedup();
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_journal_writes_nothing_that_an_edge_cannot_know_and_delays_nobody() {
    let (scene, authority) = scene();
    let (shop, young) = (website(&scene, "shop"), website(&scene, "young"));
    let deleted = scene.place.ask(&["admin", "website", "delete", "--website", &young]);
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    let mut central = scene.place.start(&[]);
    central.lacks_nothing().await;
    let relay = central.ready["relay"].as_str().expect("an address").parse().expect("an address");
    let mut edge_1 = FakeEdge::connect(&authority, "edge-1", relay).await;
    let mut honest = FakeEdge::connect(&authority, "edge-2", relay).await;

    let now = now_ms();
    let nobody = "0191d0a4-0000-7000-8000-00000000dead";
    let mut forged: Vec<Bytes> = vec![
        record_of(&shop, 1, 1, now),
        record_of(nobody, 2, 1, now),
        record_of(&young, 3, 1, now),
        record_of(&shop, 4, 1, YEAR_2031),
    ];
    let days = (0..4000).map(|day| record_of(&shop, 10 + day as u64, 1, now - day * DAY_MS));
    forged.extend(days);
    edge_1.send(&forged).await;
    let begun = Instant::now();
    honest.send(&[record_of(&shop, 9, 1, now_ms())]).await;
    eventually("the good event's row", async || count(&scene, "countIf(edge_id = 'edge-2')").await == 1)
        .await;
    let delay = begun.elapsed();
    assert!(delay < DELAY, "a good event's row took {delay:?}");

    eventually("all that is true", async || count(&scene, "count()").await > 1 + 30).await;
    assert_eq!(count(&scene, &format!("countIf(website_id != '{shop}')")).await, 0, "no other's rows");
    assert!(count(&scene, "toUnixTimestamp(max(server_timestamp))").await * 1000 <= now as u64 + 60_000);
    assert!(count(&scene, "uniqExact(toDate(server_timestamp))").await <= 31);
    let (_, metrics) = central.get("/metrics").await;
    for (reason, records) in [("unknown_site", 2), ("ahead", 1)] {
        let line = format!("footfall_central_ingest_parked_total{{reason=\"{reason}\"}} {records}\n");
        assert!(metrics.contains(&line), "{reason}");
    }
    let mut letters = Vec::new();
    eventually("the dead letters", async || {
        letters = told(&scene, &["dead-letter", "list", "--json"]);
        letters.len() >= 3 + 3969
    })
    .await;
    let text = |letter: &Value, key: &str| letter[key].as_str().expect("text").to_owned();
    let reasons: BTreeMap<String, String> =
        letters.iter().map(|letter| (text(letter, "place"), text(letter, "reason"))).collect();
    let with = |reason: &str| reasons.values().filter(|other| *other == reason).count();
    assert_eq!((with("unknown_site"), with("ahead")), (2, 1));

    central.signal("-TERM");
    assert!(central.wait().success());
    let still = outcomes(&scene, &[], &reasons);
    assert!(still.values().all(|words| words == &["parked"]), "{still:?}");
    let before = count(&scene, "count()").await;

    // The website exists by now.
    let url = format!("sqlite://{}", scene.place.data().join("metadata.sqlite").display());
    let metadata = sqlx::SqlitePool::connect(&url).await.expect("opened");
    let active = "UPDATE websites SET status = 'active' WHERE website_id = $1";
    sqlx::query(active).bind(&young).execute(&metadata).await.expect("changed");
    metadata.close().await;
    let again = outcomes(&scene, &[], &reasons);
    assert_eq!(again["unknown_site"], ["parked", "stored"]);
    assert_eq!(
        (&again["ahead"], &again["too_old"]),
        (&vec!["parked".to_owned()], &vec!["parked".to_owned()])
    );
    assert_eq!(count(&scene, &format!("countIf(website_id = '{young}')")).await, 1);
    assert_eq!(count(&scene, "count()").await, before + 1);

    // A person who believes a receipt time says so, of one record.
    let (ahead, _) = reasons.iter().find(|(_, reason)| *reason == "ahead").expect("there is one");
    let believed = outcomes(&scene, &["--any-time", ahead], &reasons);
    assert_eq!(believed["ahead"], ["stored"]);
    assert_eq!(count(&scene, "countIf(toYear(server_timestamp) = 2031)").await, 1);
    assert_eq!(count(&scene, "count()").await, before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_website_that_was_made_a_moment_ago_is_stored() {
    let (scene, authority) = scene();
    let mut central = scene.place.start(&[]);
    central.lacks_nothing().await;
    let relay = central.ready["relay"].as_str().expect("an address").parse().expect("an address");
    let mut edge = FakeEdge::connect(&authority, "edge-1", relay).await;
    for number in 0..3 {
        let young = website(&scene, &format!("young-{number}"));
        edge.send(&[record_of(&young, number, 1, now_ms())]).await;
    }
    eventually("the rows", async || count(&scene, "count()").await == 3).await;
    let (_, metrics) = central.get("/metrics").await;
    assert!(metrics.contains("ingest_parked_total{reason=\"unknown_site\"} 0\n"), "nothing was parked");
}
