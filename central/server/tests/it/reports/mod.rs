//! Reports from a real engine: whatever they are read from, they say the same as the events do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod tables;
mod visits;

use std::collections::BTreeSet;

use footfall_query::{Interval, Period, PlanChoice, Question, Reports, SeriesQuestion, Source, Stats, Zone};
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::stats::{Central, DAY_MS, Dice, FIRST_DAY, Row, central};

const HOUR_MS: i64 = DAY_MS / 24;

/// Long after all events.
const NOW_MS: i64 = 1_800_000_000_000;

fn day(number: i64) -> i64 {
    FIRST_DAY.unix_timestamp() * 1000 + number * DAY_MS
}

pub(crate) fn period(from_ms: i64, to_ms: i64) -> Period {
    let text = |ms: i64| {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap();
        at.format(&Rfc3339).unwrap()
    };
    Period::parse(Some(&text(from_ms)), Some(&text(to_ms)), OffsetDateTime::UNIX_EPOCH).unwrap()
}

fn question(central: &Central, (from, to): (i64, i64), bots: bool, choice: PlanChoice) -> Question {
    let website_id = central.websites[0].website_id.clone();
    Question { website_id, period: period(from, to), limit: 100, bots, choice }
}

/// Figures, and which sources they were read from.
async fn ask(reports: &Reports, question: Question) -> (Stats, BTreeSet<String>) {
    let answered = reports.stats(question, NOW_MS).await.unwrap();
    let sources = answered.basis.plan.iter().map(|piece| format!("{:?}", piece.source)).collect();
    (answered.answer, sources)
}

/// Equal, but for the last digits of sums.
pub(crate) fn assert_same(one: &impl Serialize, other: &impl Serialize, what: &str) {
    fn same(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => {
                let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
                (one - other).abs() <= 1e-9 * other.abs().max(1.0)
            }
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
            }
            _ => one == other,
        }
    }
    let (one, other) = (serde_json::to_value(one).unwrap(), serde_json::to_value(other).unwrap());
    assert!(same(&one, &other), "{what}: {one}\nis not\n{other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_plan_says_what_the_events_say() {
    let central = central().await;
    let mut dice = Dice(fastrand::Rng::with_seed(20_261_130));
    let rows: Vec<Row> = (0..4_000).map(|_| dice.row()).collect();
    central.insert_at(&rows, 0).await;
    let reports = crate::support::reports(central.engine.store.query_client());
    let all = (day(0), day(4));
    let (before, sources) = ask(&reports, question(&central, all, false, PlanChoice::Best)).await;
    assert_eq!(sources, BTreeSet::from(["Raw".to_owned()]), "nothing is derived yet");
    assert!(before.of_sessions.is_none());

    tables::fill(&central.engine.client(), day(0) + 7 * HOUR_MS, day(3) + 13 * HOUR_MS).await;
    let mut seen = BTreeSet::new();
    for number in 0..25 {
        let from = day(0) + dice.roll(4 * DAY_MS as u64) as i64;
        let to = from + dice.roll(3 * DAY_MS as u64) as i64;
        let asked = if number == 0 { all } else { (from, to) };
        let bots = number % 2 == 1;
        let (best, sources) = ask(&reports, question(&central, asked, bots, PlanChoice::Best)).await;
        let (raw, only) = ask(&reports, question(&central, asked, bots, PlanChoice::Raw)).await;
        assert_eq!(only, BTreeSet::from(["Raw".to_owned()]));
        assert_same(&best.totals, &raw.totals, &format!("{asked:?}"));
        assert_same(
            &Stats { of_sessions: None, ..best },
            &Stats { of_sessions: None, ..raw },
            &format!("{asked:?}"),
        );
        seen.extend(sources);
    }
    assert_eq!(seen, ["Days", "Hours", "Raw"].map(str::to_owned).into(), "the tables were read");
    central.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_with_events_that_the_tables_do_not_have_is_read_from_the_events() {
    let central = central().await;
    let mut dice = Dice(fastrand::Rng::with_seed(7));
    let rows: Vec<Row> = (0..500).map(|_| dice.row()).collect();
    central.insert_at(&rows, 0).await;
    tables::fill(&central.engine.client(), 0, day(4)).await;
    let reports = crate::support::reports(central.engine.store.query_client());
    let all = (day(0), day(4));
    let (before, sources) = ask(&reports, question(&central, all, false, PlanChoice::Best)).await;
    assert_eq!(sources, BTreeSet::from(["Days".to_owned()]));

    let late = Row {
        website: 0,
        at_ms: day(1) + 5 * HOUR_MS + 17,
        pageview: true,
        bot: false,
        duplicate: false,
        kept: 100,
        ..dice.row()
    };
    central.insert_at(std::slice::from_ref(&late), 1).await;
    let answered = reports.stats(question(&central, all, false, PlanChoice::Best), NOW_MS).await.unwrap();
    let (raw, _) = ask(&reports, question(&central, all, false, PlanChoice::Raw)).await;
    assert_eq!(answered.answer.totals.pageviews, before.totals.pageviews + 1);
    assert_same(&answered.answer.totals, &raw.totals, "with a late event");
    assert_same(&answered.answer.top_pages, &raw.top_pages, "with a late event");
    let hour = day(1) + 5 * HOUR_MS;
    let plan: Vec<_> =
        answered.basis.plan.iter().map(|piece| (piece.source, piece.from_ms, piece.to_ms)).collect();
    assert_eq!(
        plan,
        [
            (Source::Days, day(0), day(1)),
            (Source::Hours, day(1), hour),
            (Source::Raw, hour, hour + HOUR_MS),
            (Source::Hours, hour + HOUR_MS, day(2)),
            (Source::Days, day(2), day(4)),
        ]
    );

    // What somebody is about to change is not believed either, until that is done.
    let request = |state: &str, version: u8| {
        format!(
            "INSERT INTO derivation_requests_local (request_id, reason, day_from, day_to, requested_at, state, version)
             VALUES ('00000000-0000-0000-0000-000000000001', 'events', '2026-03-03', '2026-03-04', now64(), '{state}', {version})"
        )
    };
    let days = async || {
        let answered = reports.stats(question(&central, all, false, PlanChoice::Best), NOW_MS).await.unwrap();
        answered.basis.plan.iter().filter(|piece| piece.source == Source::Days).map(|piece| piece.to_ms).max()
    };
    central.engine.client().query(&request("begun", 1)).execute().await.unwrap();
    assert_eq!(days().await, Some(day(1)));
    central.engine.client().query(&request("done", 2)).execute().await.unwrap();
    assert_eq!(days().await, Some(day(4)));
    central.end().await;
}

/// The events of a bucket, counted one by one.
fn counted(rows: &[Row], (from, to): (i64, i64)) -> Value {
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.website == 0 && (from..to).contains(&row.at_ms) && !row.bot && !row.duplicate)
        .collect();
    let pageviews: f64 = rows.iter().filter(|row| row.pageview).map(|row| row.weight()).sum();
    let users: BTreeSet<_> = rows.iter().map(|row| row.user).collect();
    let sessions: BTreeSet<_> = rows.iter().map(|row| row.session).collect();
    json!([pageviews.round(), users.len(), sessions.len()])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_counts_each_event_in_the_bucket_of_its_zone() {
    let central = central().await;
    let mut dice = Dice(fastrand::Rng::with_seed(11));
    // Four days in which Lord Howe's clocks go back by half an hour; Berlin's have gone forward a week before.
    let moved = (OffsetDateTime::parse("2026-04-03T00:00:00Z", &Rfc3339).unwrap() - FIRST_DAY).whole_days();
    let rows: Vec<Row> =
        (0..3_000).map(|_| dice.row()).map(|row| Row { at_ms: row.at_ms + moved * DAY_MS, ..row }).collect();
    central.insert_at(&rows, 0).await;
    tables::fill(&central.engine.client(), 0, day(moved + 3) + 4 * HOUR_MS).await;
    let reports = crate::support::reports(central.engine.store.query_client());
    let asked = (day(moved) + 100_000, day(moved + 4) - 100_000);
    let mut sources = BTreeSet::new();
    for name in
        ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
    {
        for interval in [Interval::Hour, Interval::Day] {
            let ask = async |choice| {
                let question = SeriesQuestion {
                    website_id: central.websites[0].website_id.clone(),
                    period: period(asked.0, asked.1),
                    interval,
                    zone: Zone::named(name).unwrap(),
                    bots: false,
                    choice,
                };
                reports.series(question, NOW_MS).await.unwrap()
            };
            let best = ask(PlanChoice::Best).await;
            sources.extend(best.basis.plan.iter().map(|piece| format!("{:?}", piece.source)));
            let what = format!("{name} {interval:?}");
            let raw = ask(PlanChoice::Raw).await;
            assert_eq!(best.answer, raw.answer, "{what}");
            let starts: Vec<i64> = best.answer.buckets.iter().map(|bucket| bucket.start_ms).collect();
            assert!(starts.len() >= 4 && starts[0] <= asked.0, "{what}");
            for (index, bucket) in best.answer.buckets.iter().enumerate() {
                let end = starts.get(index + 1).copied().unwrap_or(asked.1);
                let wanted = counted(&rows, (bucket.start_ms.max(asked.0), end));
                let found = json!([bucket.pageviews as f64, bucket.visitors, bucket.sessions]);
                assert_eq!(found, wanted, "{what}, bucket {index}");
            }
        }
    }
    assert_eq!(sources, ["Days", "Hours", "Raw"].map(str::to_owned).into());

    let (status, body) =
        central.ask_for("series", "from=2026-04-04&to=2026-04-06&interval=day&tz=Australia/Lord_Howe").await;
    assert_eq!(status, 200, "{body}");
    let starts: Vec<_> =
        body["buckets"].as_array().unwrap().iter().map(|bucket| bucket["start"].clone()).collect();
    assert_eq!(
        starts,
        ["2026-04-04T00:00:00+11:00", "2026-04-05T00:00:00+11:00", "2026-04-06T00:00:00+10:30"]
            .map(|start| json!(start))
    );
    assert_eq!(
        (&body["from"], &body["meta"]["tz"]),
        (&json!("2026-04-03T13:00:00Z"), &json!("Australia/Lord_Howe"))
    );
    central.end().await;
}
