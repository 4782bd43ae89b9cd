//! The live view in Redis as an operator sees it: keys, fields and times to live; and what several centrals share there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::eventually;
use crate::support::live_events::{Seen, begun, live_events, now_ms};
use crate::support::redis::Space;
use bytes::Bytes;
use footfall_live::{Live, LiveEvent, Options, SourcePartition};

const SOURCE: SourcePartition = SourcePartition { incarnation: [7; 16], partition: 3 };
const MINUTE_MS: i64 = 60_000;

#[tokio::test]
async fn an_operator_finds_the_keys_of_the_design_and_each_of_them_ends() {
    let space = Space::shared().await;
    let live = Live::open(Options::Redis(space.options()));
    let mut writer = begun(&live, SOURCE).await;
    // The middle of a minute, so that all of it lies in one.
    let at_ms = now_ms().div_euclid(MINUTE_MS) * MINUTE_MS + 30_000;
    let seen = [
        Seen::view(0, "ada", "/landing", at_ms),
        Seen { page_view: false, ..Seen::view(1, "ada", "/landing", at_ms + 1000) },
        Seen::view(2, "ada", "/current", at_ms + 2000),
    ];
    writer.apply(3, &live_events(&seen), at_ms + 2000).await.expect("applied");

    let keys = space.keys().await;
    let minute = keys
        .iter()
        .find(|key| key.starts_with("realtime:{w}:") && key.ends_with(|c: char| c.is_ascii_digit()));
    let minute = minute.unwrap_or_else(|| panic!("no minute among {keys:?}")).clone();
    assert_eq!(minute.len(), "realtime:{w}:yyyymmddhhmm".len());
    let own = |name: &str| format!("{minute}:{name}");
    let expected = [
        "position:{07070707070707070707070707070707:3}",
        minute.as_str(),
        &own("channels"),
        &own("countries"),
        &own("devices"),
        &own("pages"),
        &own("sources"),
        &own("users"),
        "session:session-of-ada",
        "user:w:ada:sessions",
    ];
    assert_eq!(keys, expected);
    let hash = space.hash(&minute).await;
    assert_eq!((hash["pageviews"].as_str(), hash["events"].as_str()), ("2", "3"));
    assert_eq!(
        space.sorted(&own("pages")).await,
        [("/current".to_owned(), 1.0), ("/landing".to_owned(), 1.0)]
    );
    assert_eq!(space.sorted(&own("countries")).await, [("DE".to_owned(), 2.0)]);

    let (start, newest) = (at_ms.to_string(), (at_ms + 2000).to_string());
    let session: BTreeMap<_, _> = space.hash("session:session-of-ada").await;
    for (field, value) in [
        ("website_id", "w"),
        ("user_id", "ada"),
        ("start_time", start.as_str()),
        ("last_activity", newest.as_str()),
        ("pageviews", "2"),
        ("events", "3"),
        ("landing_page", "/landing"),
        ("current_page", "/current"),
        ("device_type", "mobile"),
        ("country", "DE"),
    ] {
        assert_eq!(session.get(field).map(String::as_str), Some(value), "{field}");
    }
    let visits = space.sorted("user:w:ada:sessions").await;
    assert_eq!(visits, [("session-of-ada".to_owned(), (at_ms + 2000) as f64)]);

    for (key, most) in [
        (minute.as_str(), 60 * MINUTE_MS),
        (own("users").as_str(), 60 * MINUTE_MS),
        (own("pages").as_str(), 60 * MINUTE_MS),
        ("session:session-of-ada", 30 * MINUTE_MS),
        ("user:w:ada:sessions", 90 * 24 * 60 * MINUTE_MS),
    ] {
        let left = space.left_ms(key).await;
        assert!(left <= most && left > most - 2 * MINUTE_MS, "{key} has {left} ms left");
    }
    space.every_key_ends().await;
    space.clear().await;
}

#[tokio::test]
async fn a_minute_that_is_over_is_not_made_again_and_a_session_that_is_over_leaves_soon() {
    let space = Space::shared().await;
    let live = Live::open(Options::Redis(space.options()));
    let mut writer = begun(&live, SOURCE).await;
    let now = now_ms();
    let seen = [
        Seen::view(0, "old", "/", now - 62 * MINUTE_MS),
        Seen::view(1, "older", "/", now - 24 * 60 * MINUTE_MS),
        Seen::view(2, "oldest", "/", now - 91 * 24 * 60 * MINUTE_MS),
    ];
    writer.apply(3, &live_events(&seen), now).await.expect("applied");
    let keys: Vec<_> = space.keys().await.into_iter().filter(|key| !key.starts_with("position:")).collect();
    assert_eq!(keys, ["session:session-of-old", "user:w:old:sessions", "user:w:older:sessions"]);
    assert!(space.left_ms("session:session-of-old").await <= MINUTE_MS);
    let left_days = space.left_ms("user:w:older:sessions").await as f64 / (24.0 * 3_600_000.0);
    assert!((88.9..=89.0).contains(&left_days), "{left_days} days left");
    space.clear().await;
}

#[tokio::test]
async fn several_centrals_behind_one_redis_show_all_sites() {
    let space = Space::shared().await;
    let (first, second) =
        (Live::open(Options::Redis(space.options())), Live::open(Options::Redis(space.options())));
    let now = now_ms();
    for (live, partition, website) in [(&first, 0, "a"), (&second, 1, "b")] {
        let mut writer = begun(live, SourcePartition { partition, ..SOURCE }).await;
        let seen = [Seen { website_id: website.to_owned(), ..Seen::view(0, "ada", "/", now) }];
        writer.apply(1, &live_events(&seen), now).await.expect("applied");
    }
    for live in [&first, &second] {
        for website in ["a", "b"] {
            assert_eq!(live.snapshot(website, now).await.expect("a snapshot").pageviews, 1);
        }
    }
    space.clear().await;
}

#[tokio::test]
async fn one_of_several_centrals_makes_an_answer_and_a_claim_ends_by_itself() {
    let space = Space::shared().await;
    let lives = [Live::open(Options::Redis(space.options())), Live::open(Options::Redis(space.options()))];
    let [ours, theirs] = lives.map(|live| live.answers());
    eventually("a connection", async || {
        ours.get("{w}:q:1").await.is_ok() && theirs.get("{w}:q:1").await.is_ok()
    })
    .await;
    let life = Duration::from_secs(20);
    assert_eq!(ours.claim("{w}:q:1", "us", life).await.ok(), Some(true));
    assert_eq!(theirs.claim("{w}:q:1", "them", life).await.ok(), Some(false));
    theirs.release("{w}:q:1", "them").await.expect("an answer");
    assert_eq!(
        theirs.claim("{w}:q:1", "them", life).await.ok(),
        Some(false),
        "a claim is given up by its holder only"
    );
    ours.put("{w}:q:1", Bytes::from_static(b"42"), Duration::from_secs(5)).await.expect("kept");
    ours.release("{w}:q:1", "us").await.expect("released");
    assert_eq!(theirs.get("{w}:q:1").await.ok(), Some(Some(Bytes::from_static(b"42"))));
    assert_eq!(space.keys().await, ["cache:{w}:q:1"]);
    assert!((1..=5000).contains(&space.left_ms("cache:{w}:q:1").await));
    assert_eq!(ours.claim("{w}:q:2", "us", Duration::from_millis(50)).await.ok(), Some(true));
    eventually("the end of a claim", async || theirs.claim("{w}:q:2", "them", life).await.ok() == Some(true))
        .await;
    space.every_key_ends().await;
    space.clear().await;
}

/// Not a test but a measurement: `cargo test -p footfall-central --test live_redis -- --ignored --nocapture how_fast`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn how_fast_redis_is_fed() {
    let space = Space::shared().await;
    let live = Live::open(Options::Redis(space.options()));
    let mut writer = begun(&live, SOURCE).await;
    let now = now_ms();
    let names: Vec<_> = (0..50_000)
        .map(|n| (format!("user-{n}"), format!("session-{n}"), format!("/page/{}", n % 300)))
        .collect();
    let websites: Vec<_> = (0..50).map(|n| format!("0191d0a4-0000-7000-8000-{n:012}")).collect();
    for (title, events_per_session) in [("one event a session", 1), ("five events a session", 5)] {
        let (batch, batches) = (4000_u64, 25_u64);
        let begun = Instant::now();
        let first = if events_per_session == 1 { 0 } else { batch * batches };
        for round in 0..batches {
            let from = first + round * batch;
            let sightings: Vec<_> = (from..from + batch)
                .map(|offset| {
                    let who = (offset / events_per_session) as usize % names.len();
                    let (user_id, session_id, page_path) = &names[who];
                    LiveEvent {
                        offset,
                        website_id: &websites[who % websites.len()],
                        at_ms: now - (offset % 3) as i64 * 1000,
                        page_view: offset % 3 != 0,
                        user_id,
                        session_id,
                        page_path,
                        source: "google",
                        channel: "organic",
                        country: "DE",
                        device_type: "mobile",
                    }
                })
                .collect();
            writer.apply(from + batch, &sightings, now).await.expect("applied");
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!("{title}: {:.0} events/s", (batch * batches) as f64 / seconds);
    }
    let begun = Instant::now();
    for _ in 0..100 {
        live.snapshot(&websites[0], now).await.expect("a snapshot");
    }
    println!("a snapshot: {:.2} ms", begun.elapsed().as_secs_f64() * 10.0);
    space.clear().await;
}
