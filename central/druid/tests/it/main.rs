//! Druid as it really is: what it is told to read, what it makes of rows, and what it says when it cannot.

mod story;

use std::time::Duration;

use footfall_daemon::fault::Classify as _;
use footfall_druid::{Bucket, DISTINCT_ERROR, Dimension, Druid, DruidError, Ingestion, Options, Row, Scope};
use story::{Story, eventually};

/// 2026-11-30 00:00 UTC.
const MIDNIGHT_MS: i64 = 1_795_996_800_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const USERS: u32 = 500;

fn page_view<'a>(website_id: &'a str, at: i64, page_path: &'a str, user: &'a str) -> Row<'a> {
    Row {
        timestamp: at,
        website_id,
        page_path,
        country: "DE",
        user_id: Some(user),
        session_id: Some(user),
        pageviews: 1,
        ..Row::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn druid_reads_what_was_committed_and_answers_with_it() {
    let story = Story::begin().await;
    let (druid, website, wanted) = (story.druid(), story.website(), story.ingestion());
    assert!(druid.look(&wanted, 1).await.expect("taken").submitted);
    assert!(!druid.look(&wanted, 1).await.expect("looked").submitted, "it is what is wanted");

    let users: Vec<String> = (0..USERS).map(|number| format!("user-{number}")).collect();
    let pages = ["/", "/books", "/books/1"];
    // An hour of them, each user with a view of one page and a second of the first one.
    let views: Vec<Row<'_>> = users
        .iter()
        .zip(0..)
        .flat_map(|(user, number)| {
            let at = MIDNIGHT_MS + number % 60 * MINUTE_MS;
            [
                page_view(website, at, pages[number as usize % 3], user),
                page_view(website, at + HOUR_MS, "/", user),
            ]
        })
        .collect();
    story.send(&views, true).await;
    story.send(&views, false).await;
    // What comes later of the same minutes: engagement, two bounces, one of which a late event undoes.
    let later = |time_on_page, is_bounce| Row {
        time_on_page,
        is_bounce,
        user_id: None,
        session_id: None,
        pageviews: 0,
        ..page_view(website, MIDNIGHT_MS, "/", "")
    };
    story.send(&[later(12.5, 0), later(0.0, 1), later(0.0, 1), later(0.0, -1)], true).await;

    let day = Scope { website_id: website.to_owned(), from_ms: MIDNIGHT_MS, to_ms: MIDNIGHT_MS + DAY_MS };
    let all = i64::from(2 * USERS);
    let totals = eventually("all rows", async || {
        let totals = druid.totals(&day).await.ok()?;
        (totals.page_views >= all && totals.engagement_s > 0.0).then_some(totals)
    })
    .await;
    assert_eq!((totals.page_views, totals.bounces, totals.engagement_s), (all, 1.0, 12.5), "none twice");
    for distinct in [totals.visitors, totals.visits] {
        let off = (distinct - f64::from(USERS)).abs() / f64::from(USERS);
        assert!(off <= DISTINCT_ERROR, "{distinct}");
    }

    let list = druid.top_list(&day, Dimension::named("page_path").expect("known"), 2).await.expect("a list");
    let list: Vec<_> = list.iter().map(|(page, figures)| (page.as_str(), figures.page_views)).collect();
    assert_eq!(list, [("/", i64::from(USERS + USERS.div_ceil(3))), ("/books", i64::from(USERS.div_ceil(3)))]);
    // Midnight in Kolkata lies at half past 18 of the day before.
    let hours = druid.series(&day, Bucket::Hour, "Asia/Kolkata").await.expect("a series");
    let begins: Vec<_> = hours.iter().map(|(begin, _)| begin - MIDNIGHT_MS).collect();
    assert_eq!(begins, [-HOUR_MS / 2, HOUR_MS / 2, HOUR_MS * 3 / 2]);
    assert_eq!(hours.iter().map(|(_, figures)| figures.page_views).sum::<i64>(), all);
    let nobody = Scope { website_id: "' OR '1'='1".to_owned(), ..day.clone() };
    assert_eq!(druid.totals(&nobody).await.expect("an answer").page_views, 0);

    let status = eventually("its lag", async || {
        let status = druid.look(&wanted, 1).await.ok()?.status?;
        (status.lag == Some(0)).then_some(status)
    })
    .await;
    assert_eq!(status.problem(), None);

    // A person tells it to rest. Nobody wakes it, not even to give it another spec.
    story.suspend().await;
    let other = Ingestion { tasks: 2, ..wanted.clone() };
    let look = druid.look(&other, 1).await.expect("looked");
    assert!(!look.submitted);
    let problem = look.status.expect("a status").problem().expect("a problem");
    assert!(problem.contains("suspended") && problem.contains("/resume"), "{problem}");
    story.end().await;
}

#[tokio::test]
async fn druid_says_why_it_takes_no_spec_and_one_that_is_away_is_named() {
    let services = footfall_harness::services::druid();
    let at = |coordinator: &str| {
        let broker = services.broker.clone();
        let (coordinator, data_source) = (coordinator.to_owned(), "nothing".to_owned());
        let options = Options { coordinator, broker, data_source, user: None, ca_file: None };
        Druid::open(options).expect("opened")
    };
    // Kafka is nowhere.
    let spec = Ingestion { topic: "page_views".to_owned(), kafka: vec![], tasks: 1 };
    let refused = at(&services.coordinator).look(&spec, 1).await.expect_err("refused");
    assert!(matches!(refused, DruidError::Refused { .. }) && !refused.is_transient(), "{refused}");
    assert!(refused.to_string().contains("bootstrap.servers"), "{refused}");
    assert_eq!(refused.to_string().lines().count(), 1);
    let away = at("http://127.0.0.1:9").look(&spec, 1).await.expect_err("nobody is there");
    assert!(away.is_transient() && away.to_string().contains("druid.coordinator"), "{away}");
}

#[tokio::test]
async fn druid_is_told_who_asks_and_a_refusal_names_the_password() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("password");
    footfall_daemon::file::replace(&file, b"secret", 0o600).expect("written");
    let (url, heads) = story::refuse_everybody().await;
    let user = Some(("footfall".to_owned(), file));
    let data_source = "nothing".to_owned();
    let options = Options { coordinator: url.clone(), broker: url, data_source, user, ca_file: None };
    let druid = Druid::open(options).expect("opened");
    let spec = Ingestion { topic: "page_views".to_owned(), kafka: vec![], tasks: 1 };
    let refused = druid.look(&spec, 1).await.expect_err("refused");
    assert!(refused.is_transient() && refused.to_string().contains("druid.password_file"), "{refused}");
    let head =
        tokio::time::timeout(Duration::from_secs(20), heads).await.expect("in time").expect("a request");
    // footfall:secret
    assert!(head.to_ascii_lowercase().contains("authorization: basic zm9vdgzhbgw6c2vjcmv0"), "{head}");
}
