//! A page view from a real browser to ClickHouse and back to a live page: the story that the whole project exists for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_tests::browser::Browser;
use footfall_tests::cluster::{CATCH_UP, Cluster, Plan, cluster};
use footfall_tests::services::{Kafka, Postgresql, Redis, S3};
use footfall_tests::tiers::{TOPIC, bucket, console, events, topic};
use footfall_tests::wait::until;
use serde_json::Value;
use tokio::sync::Mutex;
use uuid::Uuid;

/// From a click until the realtime API shows the page view.
const LIVE: Duration = Duration::from_secs(1);
/// How long the visitor looks at each page, by the page's own clock.
const LOOK: Duration = Duration::from_millis(1500);

const PATHS: &str = "SELECT page_path FROM footfall.events WHERE event_type = 'pageview' ORDER BY client_timestamp FORMAT TabSeparated";

/// One visit at a time: each is looked at with a clock.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_of_three_pages_is_live_within_a_second_and_stored_exactly() {
    let _alone = ALONE.lock().await;
    tell(cluster()).await.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_visit_on_the_real_servers_is_found_in_each_of_them() {
    let _alone = ALONE.lock().await;
    let cluster = tell(cluster().full().central("blobs.close_after_seconds=1")).await;
    let servers = cluster.servers().now();
    let website = known_to_postgresql(&cluster, &servers.postgresql.expect("it was started"));
    let ids = on_the_right_shard(&cluster, &website).await;
    held_by_the_log_and_the_raw_log(&ids, servers.kafka.expect("started"), servers.s3.expect("started"))
        .await;
    live_in_redis(&cluster, &website, &servers.redis.expect("it was started")).await;
    cluster.finish().await;
}

/// The story of the whole project, whatever it runs on.
async fn tell(plan: Plan) -> Cluster {
    let mut cluster = plan.start().await;
    let dashboard = Browser::start().await;
    dashboard.open(&format!("{}/", cluster.run().urls.central)).await;
    dashboard.wait_for("document.querySelector('#main') && !document.querySelector('#main').hidden").await;

    visit(&cluster).await;
    stored_exactly(&cluster).await;
    shown_on(&dashboard, &cluster).await;

    cluster.start_again().await;
    stored_exactly(&cluster).await;
    let live = realtime(&cluster).await;
    assert_eq!(live["pageviews"], 3, "a second start keeps the live hour as well: {live}");
    cluster
}

/// Opens the demo site from a newsletter, goes to the gallery, to its first print by pushState, and closes the tab.
async fn visit(cluster: &Cluster) {
    let browser = Browser::start().await;
    browser.stop_clocks().await;
    let live = Live::watch(cluster);
    browser
        .open(&format!("{}/?utm_source=letter&utm_medium=email&utm_campaign=first", cluster.run().urls.demo))
        .await;
    live.reaches(1).await;
    browser.run("window.scrollTo(0, document.body.scrollHeight)").await;
    browser.advance(LOOK).await;
    for (pageviews, selector) in [(2, "#to-gallery"), (3, "#print-1")] {
        let clicked = Instant::now();
        browser.click(selector).await;
        let took = live.reaches(pageviews).await.saturating_duration_since(clicked);
        println!("page view {pageviews} was live {} ms after the click", took.as_millis());
        assert!(took <= LIVE, "{selector}: live only {took:?} after the click");
        browser.advance(LOOK).await;
    }
    browser.close_tab().await;
    browser.quit().await;
}

/// Looks at the realtime API all the time and notes when each page view appeared, so that a slow click costs no accuracy.
struct Live {
    seen: Arc<tokio::sync::watch::Sender<Vec<Instant>>>,
    looking: tokio::task::JoinHandle<()>,
}

impl Live {
    fn watch(cluster: &Cluster) -> Self {
        let seen = Arc::new(tokio::sync::watch::Sender::new(Vec::new()));
        let (http, url, noted) = (cluster.http().clone(), realtime_url(cluster), Arc::clone(&seen));
        let looking = tokio::spawn(async move {
            loop {
                let answer = http.get(&url).send().await.expect("the realtime API answers");
                let live: Value =
                    serde_json::from_str(&answer.text().await.expect("a whole answer")).expect("JSON");
                let pageviews = live["pageviews"].as_u64().expect("a number") as usize;
                noted.send_if_modified(|noted| {
                    let before = noted.len();
                    noted.resize(pageviews.max(before), Instant::now());
                    noted.len() > before
                });
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { seen, looking }
    }

    /// When that many page views were first seen.
    async fn reaches(&self, pageviews: usize) -> Instant {
        let mut seen = self.seen.subscribe();
        let reached = seen.wait_for(|seen| seen.len() >= pageviews);
        let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
        reached.unwrap_or_else(|_| panic!("{pageviews} page views were never live")).expect("it is watched")
            [pageviews - 1]
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

/// Exactly the three page views, engagement of each, nothing else, and everything known of the visitor filled in.
async fn stored_exactly(cluster: &Cluster) {
    let engaged = "SELECT uniqExact(page_view_id) FROM footfall.events WHERE event_type = 'engagement' AND engagement_ms > 0";
    until("three page views and their engagement are in ClickHouse", CATCH_UP, || async {
        let paths = cluster.try_clickhouse(PATHS).await.ok()?;
        (paths.lines().count() >= 3 && cluster.try_clickhouse(engaged).await.ok()? == "3").then_some(())
    })
    .await;
    assert_eq!(cluster.clickhouse(PATHS).await, "/\n/gallery\n/gallery/1");
    for (question, answer) in [
        // No other kinds of event, no duplicates.
        ("SELECT arraySort(groupUniqArray(event_type)) FROM footfall.events", "['engagement','pageview']"),
        ("SELECT countIf(is_duplicate != 0 OR is_bot != 0) FROM footfall.events", "0"),
        // One visitor, one session, three page views; each page view names itself, each engagement one of them.
        ("SELECT uniqExact(user_id), uniqExact(session_id) FROM footfall.events", "1\t1"),
        ("SELECT countIf(page_view_id != event_id) FROM footfall.events WHERE event_type = 'pageview'", "0"),
        (
            "SELECT count() FROM footfall.events WHERE event_type = 'engagement' AND page_view_id NOT IN \
             (SELECT event_id FROM footfall.events WHERE event_type = 'pageview')",
            "0",
        ),
        // Filled in on every row.
        (
            "SELECT countIf(country = '' OR browser = '' OR os = '' OR device_type = '' OR session_id = '' OR user_id = '' \
             OR page_url = '' OR screen_resolution = '' OR sdk_version = '') FROM footfall.events",
            "0",
        ),
        (
            "SELECT DISTINCT country, browser, os, device_type FROM footfall.events",
            "GB\tChrome\tLinux\tdesktop",
        ),
        // Each event, engagement as well, carries where the visit came from.
        (
            "SELECT DISTINCT traffic_source, source_name, traffic_medium, traffic_campaign, source_known FROM footfall.events",
            "email\tletter\temail\tfirst\t1",
        ),
        // The time that each page was looked at, as a sum of deltas.
        (
            "SELECT countIf(ms != 1500) FROM (SELECT sum(engagement_ms) AS ms FROM footfall.events \
             WHERE event_type = 'engagement' GROUP BY page_view_id)",
            "0",
        ),
    ] {
        assert_eq!(
            cluster.clickhouse(&format!("{question} FORMAT TabSeparated")).await,
            answer,
            "{question}"
        );
    }
}

/// The dashboard, which was open all the time and never reloaded, shows the visit. Its picture is kept.
async fn shown_on(dashboard: &Browser, cluster: &Cluster) {
    dashboard.wait_for("document.getElementById('visitors').textContent.trim() === '1'").await;
    for (list, text) in [
        ("live-pages", "/gallery/1"),
        ("live-countries", "United Kingdom"),
        ("live-sources", "letter"),
        ("live-channels", "Email"),
    ] {
        dashboard
            .wait_for(&format!("document.getElementById('{list}').textContent.includes('{text}')"))
            .await;
    }
    dashboard.wait_for("document.querySelectorAll('#chart rect').length > 0").await;
    let tag = dashboard.run("return document.getElementById('tag').textContent").await;
    let tag = tag.as_str().expect("the tag to copy");
    assert!(tag.contains(&cluster.run().urls.edge) && tag.contains(&cluster.run().tracking_id), "{tag}");
    // An answer of a report is kept for some seconds; the page asks for the day's figures when it is opened, and rarely after that.
    let shown = "return document.getElementById('f-page-views').textContent.trim()";
    until("the dashboard that is opened anew shows the day's figures", CATCH_UP, || async {
        dashboard.open(&format!("{}/", cluster.run().urls.central)).await;
        dashboard.wait_for("document.getElementById('f-page-views').textContent.trim() !== '–'").await;
        (dashboard.run(shown).await == "3").then_some(())
    })
    .await;
    dashboard.wait_for("document.getElementById('live-pages').textContent.includes('/gallery/1')").await;
    let picture = dashboard.screenshot("dashboard").await;
    println!("the dashboard's picture: {}", picture.display());
}

async fn realtime(cluster: &Cluster) -> Value {
    cluster.api(&format!("/api/v1/sites/{}/realtime", cluster.run().tracking_id)).await
}

fn realtime_url(cluster: &Cluster) -> String {
    format!("{}/api/v1/sites/{}/realtime", cluster.run().urls.central, cluster.run().tracking_id)
}

/// The demo website is in PostgreSQL; its id.
fn known_to_postgresql(cluster: &Cluster, postgresql: &Postgresql) -> String {
    let question =
        format!("SELECT website_id FROM websites WHERE tracking_id = '{}'", cluster.run().tracking_id);
    let website = console::psql(postgresql, &question);
    assert!(website.parse::<Uuid>().is_ok(), "PostgreSQL knows the demo website: {website:?}");
    website
}

/// All rows are on the shard that ClickHouse itself computes for the website, and none on another. Their ids.
async fn on_the_right_shard(cluster: &Cluster, website: &str) -> BTreeSet<Uuid> {
    let shards = cluster.shards();
    assert_eq!(shards.len(), 2);
    let right = cluster.clickhouse(&format!("SELECT cityHash64('{website}') % 2")).await;
    let mut ids = BTreeSet::new();
    for (number, shard) in shards.iter().enumerate() {
        let text =
            cluster.ask_shard(shard, "SELECT event_id FROM footfall.events_local").await.expect("it answers");
        assert_eq!(!text.is_empty(), number.to_string() == right, "shard {number} of {right}: {text}");
        ids.extend(text.lines().map(|id| id.parse::<Uuid>().expect("an id")));
    }
    ids
}

/// Kafka's topic and the objects in S3 hold just these events, each once.
async fn held_by_the_log_and_the_raw_log(ids: &BTreeSet<Uuid>, kafka: Kafka, s3: S3) {
    let in_kafka = tokio::task::spawn_blocking(move || events(&topic::read(&kafka, TOPIC)));
    let in_kafka = in_kafka.await.expect("Kafka is read");
    assert_eq!(in_kafka.keys().copied().collect::<BTreeSet<_>>(), *ids);
    assert!(in_kafka.values().all(|count| *count == 1), "{in_kafka:?}");
    until("the raw log in S3 holds what Kafka holds", CATCH_UP, || async {
        (events(&bucket::read(&s3).await.ok()?) == in_kafka).then_some(())
    })
    .await;
}

/// Redis holds the visit under the seed's keys, each with an end.
async fn live_in_redis(cluster: &Cluster, website: &str, redis: &Redis) {
    // An answer of a report rests for some seconds.
    let _ = cluster.api(&format!("/api/v1/sites/{}/stats", cluster.run().tracking_id)).await;
    let longest = [
        // First, as it is soon gone.
        (format!("cache:{{{website}}}:*"), 3600),
        (format!("realtime:{{{website}}}:*"), 3600),
        ("session:*".to_owned(), 1800),
        (format!("user:{website}:*:sessions"), 90 * 86_400),
    ];
    let mut pageviews = 0;
    for (pattern, longest) in longest {
        let keys = console::redis(redis, &["--scan", "--pattern", &pattern]);
        assert!(!keys.is_empty(), "no key {pattern}");
        for key in keys.lines() {
            let left: i64 = console::redis(redis, &["TTL", key]).parse().expect("seconds");
            // -2: it ended between the two questions.
            assert!((0..=longest).contains(&left) || left == -2, "{key} lives {left} s");
            if console::redis(redis, &["TYPE", key]) == "hash" && key.starts_with("realtime:") {
                let minute = console::redis(redis, &["HGET", key, "pageviews"]);
                pageviews += minute.parse::<u64>().unwrap_or(0);
            }
        }
    }
    assert_eq!(pageviews, 3);
}
