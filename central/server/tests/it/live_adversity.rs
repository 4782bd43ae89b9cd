//! What a Redis can suffer: it is emptied, killed, forgets its scripts, refuses us, is not there, or is a cluster of several.

use std::time::Duration;

use crate::support::live_events::{Seen, begun, live_events, now_ms};
use crate::support::redis::{Server, Space, say};
use crate::support::running::Running;
use crate::support::{eventually, free_port, only, open_log, record_at};
use bytes::Bytes;
use footfall_live::redis::Options as RedisOptions;
use footfall_live::{Live, Options, SourcePartition};
use footfall_log::Log;
use footfall_sink::live::LiveView;

const SOURCE: SourcePartition = SourcePartition { incarnation: [7; 16], partition: 3 };
/// The website of [`record_at`].
const SITE: &str = "0191d0a4-0000-7000-8000-000000000001";

/// Feeds the live view from a log.
fn feed(log: &Log, live: &Live) -> Running {
    Running::start(&only(log), LiveView::new(live.clone()), &footfall_sink::Metrics::default(), 1)
}

/// Appends records with one page view each, from now.
async fn visit(log: &Log, offsets: std::ops::Range<u64>) {
    for offset in offsets {
        let record = record_at(offset, 1, now_ms());
        log.appender("edge-1")
            .append(Bytes::from_static(&[1; 16]), offset, vec![record])
            .await
            .expect("appended");
    }
}

async fn shows(live: &Live, pageviews: u64) {
    let what = format!("{pageviews} page views");
    eventually(&what, async || {
        live.snapshot(SITE, now_ms()).await.is_ok_and(|now| now.pageviews == pageviews)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_goes_on_where_redis_is_and_reads_the_last_hour_again_when_redis_was_emptied() {
    let space = Space::shared().await;
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, live) = (open_log(dir.path()).await, Live::open(Options::Redis(space.options())));
    let feeding = feed(&log, &live);
    visit(&log, 0..20).await;
    shows(&live, 20).await;
    feeding.abandon().await;

    // What another central counted meanwhile is known by Redis alone.
    let feeding = feed(&log, &live);
    visit(&log, 20..30).await;
    shows(&live, 30).await;

    space.clear_keys().await;
    visit(&log, 30..31).await;
    shows(&live, 31).await;
    // They are written after the minutes, and the place in the log after them.
    eventually("31 sessions", async || {
        space.keys().await.iter().filter(|key| key.starts_with("session:")).count() == 31
    })
    .await;
    space.every_key_ends().await;

    // Emptied between any two writes, again and again.
    for round in 0..10 {
        let first = 31 + round * 7;
        visit(&log, first..first + 3).await;
        space.clear_keys().await;
        visit(&log, first + 3..first + 7).await;
    }
    shows(&live, 101).await;
    assert_eq!(feeding.status.fault(), None);
    feeding.abandon().await;
    log.close();
    space.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_and_comes_back_empty_is_told_by_name_and_filled_again() {
    let mut server = Server::start(&[]);
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, live) = (open_log(dir.path()).await, Live::open(Options::Redis(server.options())));
    let feeding = feed(&log, &live);
    visit(&log, 0..50).await;
    shows(&live, 50).await;
    assert_eq!(live.fault(), None);

    server.kill();
    eventually("a sentence", async || live.fault().is_some()).await;
    let sentence = live.fault().expect("a sentence");
    assert!(
        sentence.starts_with(&format!("Redis at 127.0.0.1:{} does not answer", server.port)),
        "{sentence}"
    );
    visit(&log, 50..60).await;
    assert!(live.snapshot(SITE, now_ms()).await.is_err());

    server.restart();
    shows(&live, 60).await;
    assert_eq!((live.fault(), feeding.status.fault()), (None, None));
    feeding.abandon().await;
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_speaks_no_tls_is_told_with_both_remedies() {
    let server = Server::start(&[]);
    let live = Live::open(Options::Redis(RedisOptions { tls: true, ..server.options() }));
    let told = || live.fault().filter(|sentence| sentence.contains("live.redis.tls = false"));
    eventually("the remedy", async || told().is_some()).await;
    let sentence = told().unwrap_or_default();
    assert!(sentence.contains("a tls-port") && !sentence.contains('\n'), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_one_sentence_that_says_what_to_do_and_a_right_one_is_enough() {
    let server = Server::start(&[]);
    std::fs::write(server.password_file(), "wrong").expect("written");
    let dir = tempfile::tempdir().expect("temp dir");
    let (log, live) = (open_log(dir.path()).await, Live::open(Options::Redis(server.options())));
    let feeding = feed(&log, &live);
    visit(&log, 0..3).await;
    let refused = || live.fault().is_some_and(|sentence| sentence.contains("refuses the user footfall"));
    eventually("a refusal", async || refused()).await;
    let sentence = live.fault().expect("a sentence");
    assert!(
        sentence.contains(&format!("127.0.0.1:{}", server.port))
            && sentence.contains("live.redis.password_file"),
        "{sentence}"
    );
    assert!(!sentence.contains('\n') && !sentence.contains("wrong"), "{sentence}");
    std::fs::write(server.password_file(), "right\n").expect("written");
    shows(&live, 3).await;
    assert_eq!(live.fault(), None);
    feeding.abandon().await;
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_run_scripts_and_a_server_that_is_not_there_have_their_sentences() {
    let server = Server::start(&["user guest on >right ~* &* +@all -@scripting"]);
    let guest = Live::open(Options::Redis(RedisOptions { user: "guest".to_owned(), ..server.options() }));
    let nobody = Live::open(Options::Redis(RedisOptions { port: 9, ..server.options() }));
    let unread = Live::open(Options::Redis(RedisOptions {
        password_file: Some("/no/such/file".into()),
        ..server.options()
    }));
    let no_cluster = Live::open(Options::Redis(RedisOptions { cluster: true, ..server.options() }));
    for (live, part) in [
        (guest, "does not let the user guest"),
        (nobody, "Redis at 127.0.0.1:9 does not answer"),
        (unread, "/no/such/file"),
        (no_cluster, "live.redis.cluster"),
    ] {
        let told = async || live.fault().is_some_and(|sentence| sentence.contains(part));
        eventually(part, told).await;
    }
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_told_again() {
    let server = Server::start(&[]);
    let live = Live::open(Options::Redis(server.options()));
    let mut writer = begun(&live, SOURCE).await;
    let now = now_ms();
    let own = Space::of(server.options()).await;
    for offset in 0..3 {
        say(own.client(), "SCRIPT", vec!["FLUSH".to_owned()]).await;
        writer
            .apply(offset + 1, &live_events(&[Seen::view(offset, "ada", "/", now)]), now)
            .await
            .expect("applied");
    }
    assert_eq!(live.snapshot("w", now).await.expect("a snapshot").pageviews, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_what_belongs_together_on_one_node() {
    let buses = [free_port().port(), free_port().port()];
    let servers = buses.map(|bus| Server::start(&["cluster-enabled yes", &format!("cluster-port {bus}")]));
    let mut nodes = Vec::new();
    for (server, (first, last)) in servers.iter().zip([("0", "8191"), ("8192", "16383")]) {
        let node = Space::of(server.options()).await;
        say(node.client(), "CLUSTER", ["ADDSLOTSRANGE", first, last].map(str::to_owned).to_vec()).await;
        nodes.push(node);
    }
    let (port, bus) = (servers[1].port.to_string(), buses[1].to_string());
    say(nodes[0].client(), "CLUSTER", ["MEET", "127.0.0.1", &port, &bus].map(str::to_owned).to_vec()).await;
    for node in &nodes {
        let whole = async || {
            let info = say(node.client(), "CLUSTER", vec!["INFO".to_owned()]).await;
            info.as_str().is_some_and(|info| {
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:2")
            })
        };
        eventually("a whole cluster", whole).await;
    }
    let live = Live::open(Options::Redis(RedisOptions { cluster: true, ..servers[0].options() }));
    let mut writer = begun(&live, SOURCE).await;
    let now = now_ms();
    let seen: Vec<_> = (0..200)
        .map(|offset| Seen {
            website_id: format!("w{}", offset % 20),
            ..Seen::view(offset, &format!("u{offset}"), "/", now)
        })
        .collect();
    writer.apply(100, &live_events(&seen[..100]), now).await.expect("applied");
    writer.apply(200, &live_events(&seen[50..]), now).await.expect("applied");
    for website in 0..20 {
        let there = live.snapshot(&format!("w{website}"), now).await.expect("a snapshot");
        assert_eq!((there.pageviews, there.visitors_now, there.top_pages.top.len()), (10, 10, 1));
    }
    let counts = [nodes[0].keys().await.len(), nodes[1].keys().await.len()];
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
    for node in &nodes {
        node.every_key_ends().await;
    }
    let answers = live.answers();
    assert_eq!(answers.claim("{w}:q:1", "us", Duration::from_secs(5)).await.ok(), Some(true));
    answers.put("{w}:q:1", Bytes::from_static(b"42"), Duration::from_secs(5)).await.expect("kept");
    assert_eq!(answers.get("{w}:q:1").await.ok(), Some(Some(Bytes::from_static(b"42"))));
}
