//! A day of twenty websites: most of it comes at once from an edge that was cut off, the rest as it happens. Every hour that is over and
//! every session that has ended is told right, soon, by the API and by the store.
//!
//! `cargo xtask prove day` tells the long form: five million events, and most of an hour as it happens.

mod expected;
mod visitors;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footfall_harness::authority::Authority;
use footfall_harness::edge::{FakeEdge, now_ms};
use footfall_tests::cluster::{Cluster, Plan, cluster};
use footfall_tests::run::{Server, processor_seconds, resident_bytes};
use footfall_tests::setting;
use tokio::time::{interval, sleep};

use expected::HOUR_MS;
use visitors::Visitors;

const WEBSITES: usize = 20;
const DAY_MS: i64 = 24 * HOUR_MS;
const MINUTE_MS: i64 = 60_000;
/// After its last event a session is waited for, and events for those that are late.
const CLOSED_AFTER_MS: i64 = 35 * MINUTE_MS;
/// How soon figures are right, after an hour's end and after a session has closed.
const SOON: Duration = Duration::from_mins(1);
/// Records that a batch brings of what has been waiting.
const BATCH: usize = 1000;
/// How often new events are sent.
const TICK: Duration = Duration::from_millis(100);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// A website as the API and as the store know it.
struct Website {
    id: String,
    tracking_id: String,
}

/// The system, its visitors, and who looks at the figures.
struct Day {
    cluster: Cluster,
    websites: Vec<Website>,
    visitors: Arc<Mutex<Visitors>>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hour_that_is_over_and_every_session_that_has_ended_is_told_right_soon() {
    let live = Duration::from_mins(setting::number("FOOTFALL_LIVE_MINUTES", 0));
    let plan = if setting::number("FOOTFALL_RELEASE", 0) == 1 { cluster().release() } else { cluster() };
    tell(plan, setting::number("FOOTFALL_DAY_EVENTS", 20_000), live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_the_real_servers_with_two_shards() {
    tell(cluster().full(), 20_000, Duration::ZERO).await;
}

async fn tell(plan: Plan, events: u64, live: Duration) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let authority = Authority::new(folder.path());
    let cluster = plan.certified(&authority).start().await;
    let relay = cluster.run().relay.parse().expect("an address");
    let day = Day::of(cluster, setting::number("FOOTFALL_SEED", 42)).await;
    let mut edge = FakeEdge::connect(&authority, "edge-of-the-day", relay).await;

    let begun = now_ms();
    let waited = day.send_the_past(&mut edge, begun, events).await;
    println!(
        "{events} events of a day, by an edge that was cut off: acknowledged after {:.1} s",
        waited.as_secs_f64()
    );
    let passed = day.until_told(begun).await;
    println!("each hour and session of them is told right {:.1} s later", passed.as_secs_f64());
    day.views_tell(begun).await;

    if !live.is_zero() {
        let between =
            Duration::from_millis(DAY_MS as u64) / u32::try_from(events).expect("a number of events");
        day.watch(edge, between, live, now_ms()).await;
    }
    day.cluster.finish().await;
}

impl Day {
    async fn of(cluster: Cluster, seed: u64) -> Self {
        let mut websites = Vec::new();
        for number in 0..WEBSITES {
            let website = cluster.create_website(&format!("Site {number}")).await;
            let text = |name: &str| website[name].as_str().expect("central says it").to_owned();
            websites.push(Website { id: text("website_id"), tracking_id: text("tracking_id") });
        }
        let ids = websites.iter().map(|website| website.id.clone()).collect();
        Self { cluster, websites, visitors: Arc::new(Mutex::new(Visitors::of(ids, seed))) }
    }

    /// Events of the day before a time, as fast as central takes them: how long that took.
    async fn send_the_past(&self, edge: &mut FakeEdge, to_ms: i64, events: u64) -> Duration {
        let began = std::time::Instant::now();
        let numbers: Vec<_> = (0..events).collect();
        for numbers in numbers.chunks(BATCH) {
            let records: Vec<_> = {
                let mut visitors = self.visitors.lock().expect("nobody panicked");
                let time = |number: u64| {
                    to_ms - DAY_MS + (i128::from(number) * i128::from(DAY_MS) / i128::from(events)) as i64
                };
                numbers.iter().map(|number| visitors.next(time(*number))).collect()
            };
            edge.send(&records).await;
        }
        began.elapsed()
    }

    /// Waits until all that was over at a time is told: how long.
    async fn until_told(&self, now: i64) -> Duration {
        let began = std::time::Instant::now();
        let within = Duration::from_mins(setting::number("FOOTFALL_CATCH_UP_MINUTES", 5));
        until_soon("each hour of the past is told", within, async || {
            self.hour_is_told(now / HOUR_MS - 1).await
        })
        .await;
        for ago in 2..=24 {
            assert!(self.hour_is_told(now / HOUR_MS - ago).await, "{ago} hours ago");
        }
        let over = (now - CLOSED_AFTER_MS) / 1000;
        until_soon("each session of the past is told", within, async || {
            self.sessions_are_told((0, over)).await
        })
        .await;
        began.elapsed()
    }

    /// Goes on with the day as it happens, and looks at each hour that ends and at the sessions that close.
    async fn watch(&self, edge: FakeEdge, between: Duration, lasts: Duration, begun: i64) {
        let (pid, store) =
            (self.cluster.now().pids.of(Server::Central), self.cluster.now().pids.of(Server::EventStore));
        let processors = || processor_seconds(pid) + processor_seconds(store);
        let (used, until_ms) = (processors(), begun + lasts.as_millis() as i64);
        let visitors = Arc::clone(&self.visitors);
        let load = tokio::spawn(as_it_happens(edge, visitors, between, begun, until_ms));
        let (mut hour, mut hours) = (begun / HOUR_MS, Vec::new());
        let mut closed = BTreeMap::new();
        let mut looks = 0_u32;
        while now_ms() < until_ms {
            sleep(LOOK).await;
            let now = now_ms();
            if now / HOUR_MS > hour {
                until_soon("the hour that has ended is told", SOON, async || self.hour_is_told(hour).await)
                    .await;
                let passed = now_ms() - (hour + 1) * HOUR_MS;
                println!("an hour has ended and is told right for all {WEBSITES} websites after {passed} ms");
                hours.push(passed);
                hour += 1;
            }
            looks += 1;
            if looks.is_multiple_of(20)
                && let Some(behind) = self.sessions_behind(begun, now).await
            {
                *closed.entry(behind).or_insert(0_u32) += 1;
            }
        }
        load.await.expect("every batch was acknowledged");
        let lasted = lasts.as_secs_f64();
        println!(
            "{:.0} minutes of {:.1} events/s as they happened; central and event store used {:.3} cores, {} MB and {} MB",
            lasted / 60.0,
            1.0 / between.as_secs_f64(),
            (processors() - used) / lasted,
            resident_bytes(pid) >> 20,
            resident_bytes(store) >> 20,
        );
        println!("hours that ended: told right by the API for all {WEBSITES} websites after (ms) {hours:?}");
        println!(
            "sessions that closed, looked at so often: by how many seconds the store was behind at most: {closed:?}"
        );
        for table in [
            "events_local",
            "sessions_local",
            "page_views_hourly_local",
            "page_view_rollups_local",
            "hourly_summary_local",
            "daily_summary_local",
            "traffic_sources_daily_local",
            "conversions_local",
        ] {
            let sizes = format!(
                "SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{table}' FORMAT TabSeparated"
            );
            println!("{table:<28} rows, bytes on disk: {}", self.cluster.clickhouse(&sizes).await);
        }
        assert!(!hours.is_empty() || lasts < Duration::from_hours(1), "an hour has ended");
    }

    /// By how many seconds the sessions in the store are behind those that have closed; nothing before one has.
    async fn sessions_behind(&self, begun: i64, now: i64) -> Option<i64> {
        let closed = (now - CLOSED_AFTER_MS) / 1000;
        if closed <= begun / 1000 + 60 {
            return None;
        }
        for behind in [5, 10, 15, 20, 30, 40, 50, 60] {
            if self.sessions_are_told((begun / 1000, closed - behind)).await {
                return Some(behind);
            }
        }
        panic!("sessions that closed a minute ago are not told right");
    }

    /// Whether the API says of every website what it had in an hour since 1970.
    async fn hour_is_told(&self, hour: i64) -> bool {
        for (number, website) in self.websites.iter().enumerate() {
            // A period's end is not its part.
            let period = format!("from={}&to={}", rfc3339(hour * HOUR_MS), rfc3339((hour + 1) * HOUR_MS));
            let told = self
                .cluster
                .api(&format!("/api/v1/sites/{}/stats?{period}&bots=true", website.tracking_id))
                .await;
            let figure = |name: &str| told[name].as_u64().unwrap_or_default();
            let told = (figure("pageviews"), figure("visitors"), figure("sessions"));
            if told != self.visitors.lock().expect("nobody panicked").expected.hour(number, hour) {
                return false;
            }
        }
        true
    }

    /// Whether the store tells, of every website, the sessions whose last event was in these seconds since 1970, and no others.
    async fn sessions_are_told(&self, (from, to): (i64, i64)) -> bool {
        let query = format!(
            "SELECT website_id, count(), sum(is_bounce) FROM footfall.sessions
             WHERE toUnixTimestamp(session_end) >= {from} AND toUnixTimestamp(session_end) < {to} GROUP BY website_id"
        );
        let expected = self.visitors.lock().expect("nobody panicked").expected.ended(WEBSITES, (from, to));
        self.shards_tell(&query, &expected).await
    }

    /// The seed's views say the same of every hour that was over at a time, and of those days that were.
    async fn views_tell(&self, now: i64) {
        let hours = now / HOUR_MS - 24..now / HOUR_MS;
        let views = |site| {
            let expected = &self.visitors.lock().expect("nobody panicked").expected;
            hours.clone().map(|hour| expected.hour(site, hour).0).sum::<u64>()
        };
        let expected: Vec<_> =
            (0..WEBSITES).map(|site| (views(site), hours.clone().count() as u64)).collect();
        let query = format!(
            "SELECT website_id, sum(pageviews), uniqExact(hour) FROM footfall.page_views_hourly_mv
             WHERE toUnixTimestamp(hour) >= {} AND toUnixTimestamp(hour) < {} GROUP BY website_id",
            hours.start * HOUR_MS / 1000,
            hours.end * HOUR_MS / 1000
        );
        assert!(self.shards_tell(&query, &expected).await, "page views by hour");
    }

    /// Whether the shards answer with these two figures of every website, each website's shard.
    async fn shards_tell(&self, query: &str, expected: &[(u64, u64)]) -> bool {
        let mut told: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for shard in self.cluster.shards() {
            let question = format!("{query} FORMAT TabSeparated");
            let mut answer = self.cluster.ask_shard(&shard, &question).await;
            if answer.is_err() {
                // The connection was kept from the last look, and the store has closed it since.
                answer = self.cluster.ask_shard(&shard, &question).await;
            }
            let answer = answer.unwrap_or_else(|error| panic!("{shard}: {error}\n{query}"));
            for line in answer.lines() {
                let cells: Vec<_> = line.split('\t').collect();
                let number = |cell: usize| cells[cell].parse().expect("a number");
                let before = told.insert(cells[0].to_owned(), (number(1), number(2)));
                assert!(before.is_none(), "{} is on two shards", cells[0]);
            }
        }
        let of_site = |website: &Website| told.get(website.id.as_str()).copied().unwrap_or_default();
        self.websites.iter().map(of_site).eq(expected.iter().copied())
    }
}

/// Looks now and then until it is so; whoever looks all the time is a load himself. Panics with `what` once it has taken longer than `within`.
async fn until_soon(what: &str, within: Duration, is_so: impl AsyncFn() -> bool) {
    let deadline = std::time::Instant::now() + within;
    while !is_so().await {
        assert!(std::time::Instant::now() < deadline, "waited {within:?} in vain until {what}");
        sleep(LOOK).await;
    }
}

/// Sends events at their times.
async fn as_it_happens(
    mut edge: FakeEdge,
    visitors: Arc<Mutex<Visitors>>,
    between: Duration,
    begun: i64,
    until_ms: i64,
) {
    let (mut sent, mut pace) = (0_u64, interval(TICK));
    let between = between.as_secs_f64() * 1000.0;
    while now_ms() < until_ms {
        pace.tick().await;
        let due = ((now_ms() - begun) as f64 / between) as u64;
        let records: Vec<_> = {
            let mut visitors = visitors.lock().expect("nobody panicked");
            (sent..due).map(|number| visitors.next(begun + (number as f64 * between) as i64)).collect()
        };
        sent = due;
        if !records.is_empty() {
            edge.send(&records).await;
        }
    }
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).expect("a time").to_string()
}
