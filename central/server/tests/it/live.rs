//! The live view: one behaviour, two backends. Each story of this file is told of memory and of a real Redis; what only Redis can do or
//! suffer stands in `live_redis.rs` and `live_adversity.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::live_events::{Seen, live_events};
use crate::support::redis::Space;
use footfall_live::{Live, LiveError, LiveWriter, Options, Realtime, SourcePartition};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const SOURCE: SourcePartition = SourcePartition { incarnation: [7; 16], partition: 3 };
const MINUTE_MS: i64 = 60_000;
/// 2026-11-23 12:00:30 UTC.
const NOW_MS: i64 = 1_795_435_230_000;

/// A backend, and what has to stay alive with it.
struct Backend {
    name: &'static str,
    live: Live,
    writer: LiveWriter,
    space: Option<Space>,
}

impl Backend {
    async fn both() -> [Self; 2] {
        let space = Space::shared().await;
        let memory = Live::open(Options::Memory);
        let redis = Live::open(Options::Redis(space.options()));
        let mut places = [
            Self { name: "memory", writer: memory.writer(SOURCE), live: memory, space: None },
            Self { name: "redis", writer: redis.writer(SOURCE), live: redis, space: Some(space) },
        ];
        for backend in &mut places {
            backend.writer.ready().await;
            assert_eq!(backend.writer.begin().await.expect("an answer"), None, "{}", backend.name);
            backend.writer.restart(0, NOW_MS).await.expect("begun");
        }
        places
    }

    async fn apply(&mut self, next: u64, seen: &[Seen], now_ms: i64) {
        let applied = self.writer.apply(next, &live_events(seen), now_ms).await;
        applied.unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    async fn snapshot(&self, website_id: &str, now_ms: i64) -> Realtime {
        self.live.snapshot(website_id, now_ms).await.expect("a snapshot")
    }

    async fn end(self) {
        if let Some(space) = self.space {
            space.clear().await;
        }
    }
}

fn top(ranking: &footfall_live::Ranking) -> Vec<(&str, u64)> {
    ranking.top.iter().map(|ranked| (ranked.name.as_str(), ranked.pageviews)).collect()
}

#[tokio::test]
async fn a_page_view_is_there_at_once_with_all_its_lists() {
    for mut backend in Backend::both().await {
        let seen = [
            Seen::view(0, "ada", "/", NOW_MS),
            Seen::view(1, "bob", "/", NOW_MS),
            Seen::view(2, "bob", "/a", NOW_MS),
        ];
        backend.apply(3, &seen, NOW_MS).await;
        let now = backend.snapshot("w", NOW_MS).await;
        assert_eq!((now.at_ms, now.visitors_now, now.pageviews), (NOW_MS, 2, 3), "{}", backend.name);
        assert_eq!(
            (now.pageviews_per_minute.len(), now.pageviews_per_minute[59]),
            (60, 3),
            "{}",
            backend.name
        );
        assert_eq!(top(&now.top_pages), [("/", 2), ("/a", 1)], "{}", backend.name);
        assert_eq!(top(&now.sources), [("google", 3)], "{}", backend.name);
        assert_eq!(top(&now.channels), [("organic", 3)], "{}", backend.name);
        assert_eq!(top(&now.countries), [("DE", 3)], "{}", backend.name);
        assert_eq!(top(&now.devices), [("mobile", 3)], "{}", backend.name);
        assert_eq!(backend.snapshot("other", NOW_MS).await.pageviews, 0, "{}", backend.name);
        backend.end().await;
    }
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing_however_it_is_cut() {
    for mut backend in Backend::both().await {
        let seen: Vec<_> = (0..40).map(|offset| Seen::view(offset / 2, "ada", "/", NOW_MS)).collect();
        backend.apply(10, &seen[..20], NOW_MS).await;
        let before = backend.snapshot("w", NOW_MS).await;
        backend.apply(10, &seen[..20], NOW_MS).await;
        backend.apply(4, &seen[..8], NOW_MS).await;
        assert_eq!(backend.snapshot("w", NOW_MS).await, before, "{}", backend.name);
        // Cut elsewhere: some of it was counted, some was not.
        backend.apply(20, &seen[12..], NOW_MS).await;
        assert_eq!(backend.snapshot("w", NOW_MS).await.pageviews, 40, "{}", backend.name);
        backend.end().await;
    }
}

#[tokio::test]
async fn another_inlet_goes_on_where_the_first_one_was() {
    for mut backend in Backend::both().await {
        backend.apply(5, &[Seen::view(4, "ada", "/", NOW_MS)], NOW_MS).await;
        let mut second = backend.live.writer(SOURCE);
        assert_eq!(second.begin().await.expect("an answer"), Some(5), "{}", backend.name);
        second
            .apply(
                7,
                &live_events(&[Seen::view(4, "ada", "/", NOW_MS), Seen::view(6, "ada", "/", NOW_MS)]),
                NOW_MS,
            )
            .await
            .expect("applied");
        // The first one was paused and does not know; what it still writes is there already.
        backend.apply(7, &[Seen::view(6, "ada", "/", NOW_MS)], NOW_MS).await;
        assert_eq!(backend.snapshot("w", NOW_MS).await.pageviews, 2, "{}", backend.name);
        let mut other = backend.live.writer(SourcePartition { partition: 4, ..SOURCE });
        assert_eq!(other.begin().await.expect("an answer"), None, "{}", backend.name);
        backend.end().await;
    }
}

#[tokio::test]
async fn a_log_that_was_made_anew_adds_to_what_the_old_one_counted() {
    for mut backend in Backend::both().await {
        backend.apply(9, &[Seen::view(8, "ada", "/", NOW_MS)], NOW_MS).await;
        let mut anew = backend.live.writer(SourcePartition { incarnation: [8; 16], ..SOURCE });
        assert_eq!(anew.begin().await.expect("an answer"), None);
        anew.restart(0, NOW_MS).await.expect("begun");
        anew.apply(1, &live_events(&[Seen::view(0, "bob", "/", NOW_MS)]), NOW_MS).await.expect("applied");
        assert_eq!(backend.snapshot("w", NOW_MS).await.pageviews, 2, "{}", backend.name);
        backend.end().await;
    }
}

#[tokio::test]
async fn minutes_come_out_of_order_and_leave_in_time() {
    for mut backend in Backend::both().await {
        let ages = [3, 0, 59, 1, 30, 29, 0, 62];
        let seen: Vec<_> = (0..)
            .zip(ages)
            .map(|(offset, age)| Seen::view(offset, "ada", "/", NOW_MS - age * MINUTE_MS))
            .collect();
        backend.apply(8, &seen, NOW_MS).await;
        let now = backend.snapshot("w", NOW_MS).await;
        let mut series = vec![0; 60];
        for (age, count) in [(0, 2), (1, 1), (3, 1), (29, 1), (30, 1), (59, 1)] {
            series[59 - age] = count;
        }
        assert_eq!(now.pageviews_per_minute, series, "{}", backend.name);
        assert_eq!((now.pageviews, now.top_pages.top[0].pageviews), (5, 5), "{}", backend.name);
        let later = backend.snapshot("w", NOW_MS + 10 * MINUTE_MS).await;
        assert_eq!(
            (later.visitors_now, later.pageviews_per_minute.iter().sum::<u64>()),
            (0, 6),
            "{}",
            backend.name
        );
        backend.end().await;
    }
}

#[tokio::test]
async fn names_without_end_are_counted_together() {
    for mut backend in Backend::both().await {
        let seen: Vec<_> = (0..700)
            .map(|offset| Seen {
                page_path: format!("/{}", offset % 350),
                ..Seen::view(offset, &format!("u{offset}"), "", NOW_MS)
            })
            .collect();
        backend.apply(300, &seen[..300], NOW_MS).await;
        backend.apply(700, &seen[300..], NOW_MS).await;
        let now = backend.snapshot("w", NOW_MS).await;
        assert_eq!(top(&now.top_pages)[..2], [("/0", 2), ("/1", 2)], "{}", backend.name);
        let shown: u64 = now.top_pages.top.iter().map(|ranked| ranked.pageviews).sum();
        assert_eq!((now.pageviews, shown + now.top_pages.other), (700, 700), "{}", backend.name);
        assert!((680..=720).contains(&now.visitors_now), "{}: {}", backend.name, now.visitors_now);
        let long = "ü".repeat(400);
        backend.apply(701, &[Seen::view(700, "ada", &long, NOW_MS - 9 * MINUTE_MS)], NOW_MS).await;
        assert_eq!(backend.snapshot("w", NOW_MS).await.top_pages.other, 701 - shown, "{}", backend.name);
        backend.end().await;
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_a_visit() {
    for mut backend in Backend::both().await {
        let now_ms = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64;
        let mut changes = backend.live.subscribe("w");
        for (offset, pageviews) in [(0, 1), (1, 2)] {
            backend.apply(offset + 1, &[Seen::view(offset, "ada", "/", now_ms)], now_ms).await;
            let told = async {
                while backend.snapshot("w", now_ms + 10).await.pageviews < pageviews {
                    changes.changed().await.expect("it is not forgotten");
                }
            };
            tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("told in time");
        }
        backend.end().await;
    }
}

/// What happens to both backends.
#[derive(Clone, Debug)]
enum Step {
    /// Records of: website, visitor, session, page, age in milliseconds, page view or not.
    Records(Vec<(u8, u8, u8, u8, i64, bool)>),
    /// The last records again, from so many back.
    Again(usize),
    Wait(i64),
    /// Redis is emptied.
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..2_u8, 0..9_u8, 0..3_u8, 0..6_u8, -60_000..70 * MINUTE_MS, any::<bool>());
    prop_oneof![
        6 => prop::collection::vec(record, 1..25).prop_map(Step::Records),
        2 => (1..40_usize).prop_map(Step::Again),
        2 => (0..20 * MINUTE_MS).prop_map(Step::Wait),
        1 => Just(Step::Flush),
    ]
}

/// Gives `seen[from..]` to Redis; where it has lost what it held, everything again.
async fn deliver(backend: &mut Backend, seen: &[Seen], from: usize, now_ms: i64) {
    let next = seen.len() as u64;
    match backend.writer.apply(next, &live_events(&seen[from..]), now_ms).await {
        Ok(()) => {}
        Err(LiveError::Lost) => {
            assert_eq!(backend.writer.begin().await.expect("an answer"), None);
            backend.writer.restart(0, now_ms).await.expect("begun");
            backend.writer.apply(next, &live_events(seen), now_ms).await.expect("applied");
        }
        Err(error) => panic!("{error}"),
    }
}

/// Visitors of the running minute and the four before it: what Redis counts.
fn present(seen: &[Seen], website: &str, now_ms: i64) -> u64 {
    let minute = |ms: i64| ms.div_euclid(MINUTE_MS);
    let span = minute(now_ms) - 4..=minute(now_ms) + 2;
    let there = seen.iter().filter(|seen| seen.website_id == website && span.contains(&minute(seen.at_ms)));
    there.map(|seen| &seen.user_id).collect::<BTreeSet<_>>().len() as u64
}

#[test]
fn memory_and_redis_agree_on_random_histories() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let histories = prop::collection::vec(step(), 1..30);
    let ran = runner.run(&histories, |steps| {
        runtime.block_on(async {
            let [mut memory, mut redis] = Backend::both().await;
            let (mut seen, mut now_ms) = (Vec::<Seen>::new(), NOW_MS);
            for step in steps {
                let from = match step {
                    Step::Records(records) => {
                        let from = seen.len();
                        for (website, user, session, page, age, page_view) in records {
                            let user = format!("u{user}");
                            seen.push(Seen {
                                website_id: format!("w{website}"),
                                session_id: format!("{website}{user}{session}"),
                                page_view,
                                ..Seen::view(seen.len() as u64, &user, &format!("/{page}"), now_ms - age)
                            });
                        }
                        from
                    }
                    Step::Again(back) => seen.len().saturating_sub(back),
                    Step::Wait(ms) => {
                        now_ms += ms;
                        seen.len()
                    }
                    Step::Flush => {
                        redis.space.as_ref().expect("Redis").clear_keys().await;
                        seen.len()
                    }
                };
                memory.apply(seen.len() as u64, &seen[from..], now_ms).await;
                deliver(&mut redis, &seen, from, now_ms).await;
                for website in ["w0", "w1"] {
                    let (ours, theirs) =
                        (memory.snapshot(website, now_ms).await, redis.snapshot(website, now_ms).await);
                    prop_assert_eq!(theirs.visitors_now, present(&seen, website, now_ms));
                    prop_assert_eq!(Realtime { visitors_now: theirs.visitors_now, ..ours }, theirs);
                }
            }
            let space = redis.space.take().expect("Redis");
            let mut sessions = BTreeMap::<&str, (u64, u64)>::new();
            let alive = seen.iter().filter(|seen| seen.at_ms > now_ms - 30 * MINUTE_MS);
            for seen in alive {
                sessions.entry(&seen.session_id).or_default();
            }
            for (session, counts) in sessions {
                let hash = space.hash(&format!("session:{session}")).await;
                prop_assert!(hash.contains_key("last_activity"), "{session}: {counts:?} {hash:?}");
            }
            space.every_key_ends().await;
            space.clear().await;
            Ok(())
        })
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}
