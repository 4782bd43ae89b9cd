//! Visits, entry and exit pages and goals, from rows of sessions that are written here.

use footfall_query::{PlanChoice, Source};
use serde_json::{Value, json};

use super::{HOUR_MS, ask, assert_same, day, question, tables};
use crate::stats::central;

/// A session: begun and landed so many hours after the first day's midnight, then duration, pages, bounce, conversion, bot, share kept,
/// revenue, entry, exit.
type Session = (i64, i64, u32, u32, u8, u8, u8, f64, f64, &'static str, &'static str);

const SESSIONS: [Session; 6] = [
    (1, 1, 100, 4, 0, 1, 0, 1.0, 10.0, "/a", "/b"),
    (2, 2, 0, 1, 1, 0, 0, 0.5, 0.0, "/b", "/b"),
    (3, 3, 300, 0, 0, 0, 0, 1.0, 0.0, "", ""),
    (4, 4, 50, 2, 0, 1, 1, 1.0, 5.0, "/a", "/a"),
    // Begun the day before it landed.
    (-1, 0, 20, 1, 1, 0, 0, 1.0, 0.0, "/c", "/c"),
    (30, 30, 40, 1, 1, 0, 0, 1.0, 0.0, "/a", "/a"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visits_are_counted_where_they_begin_and_bounces_where_they_land() {
    let central = central().await;
    let client = central.engine.client();
    let (website, other) = (&central.websites[0].website_id, &central.websites[1].website_id);
    let mut lines = Vec::new();
    for (number, (began, landed, duration, pages, bounce, conversion, bot, kept, revenue, entry, exit)) in
        SESSIONS.into_iter().enumerate()
    {
        let second = |hours: i64| (day(0) + hours * HOUR_MS) / 1000;
        for site in [website, other] {
            let row = json!({
                "website_id": site, "session_id": format!("s{number}"), "session_start": second(began), "landed_at": second(landed),
                "session_duration": duration, "pageviews": pages, "is_bounce": bounce, "is_conversion": conversion, "is_bot": bot,
                "sample_rate": kept, "revenue": revenue, "landing_page": entry, "exit_page": exit, "version": 1, "is_deleted": 0,
            });
            lines.push(row.to_string());
        }
    }
    // One that was computed again, and is no more.
    let gone = json!({ "website_id": website, "session_id": "gone", "session_start": day(0) / 1000 + 60, "sample_rate": 1.0, "pageviews": 9, "landing_page": "/a", "version": 1 });
    lines.push(gone.to_string());
    let mut deleted = gone.clone();
    (deleted["version"], deleted["is_deleted"]) = (json!(2), json!(1));
    lines.push(deleted.to_string());
    let insert = |table: &'static str, lines: Vec<String>| {
        let client = client.clone();
        async move {
            let mut insert = client.insert_formatted_with(format!("INSERT INTO {table} FORMAT JSONEachRow"));
            insert.send(lines.join("\n").into()).await.unwrap();
            insert.end().await.unwrap();
        }
    };
    insert("sessions_local", lines).await;
    let conversion = |session: &str, began: i64, goal: &str, times: u32, bot: u8, revenue: f64| {
        let start = (day(0) + began * HOUR_MS) / 1000;
        json!({ "website_id": website, "goal_id": goal, "session_id": session, "session_start": start, "times": times, "revenue": revenue,
            "is_bot": bot, "sample_rate": if session == "s1" { 0.5 } else { 1.0 }, "version": 1, "is_deleted": 0 })
        .to_string()
    };
    let conversions = vec![
        conversion("s0", 1, "bought", 3, 0, 10.0),
        conversion("s1", 2, "bought", 1, 0, 0.0),
        conversion("s0", 1, "read", 1, 0, 10.0),
        conversion("s3", 4, "read", 1, 1, 5.0),
        conversion("s5", 30, "read", 1, 0, 0.0),
    ];
    insert("conversions_local", conversions).await;

    let reports = crate::support::reports(central.engine.store.query_client());
    let today = (day(0), day(1));
    let (before, _) = ask(&reports, question(&central, today, false, PlanChoice::Best)).await;
    assert!(before.of_sessions.is_none(), "nothing is derived");
    tables::fill(&client, day(0) - 1, day(2)).await;

    let (found, _) = ask(&reports, question(&central, today, false, PlanChoice::Best)).await;
    let sessions = found.of_sessions.unwrap();
    // s0 counts once, s1 twice, s2 once; s4 began before and bounced today.
    let visits = json!({
        "visits": 4, "bounces": 3, "bounce_rate": 0.5, "average_duration_s": 100.0, "pages_per_visit": 1.5,
        "conversions": 1, "conversion_rate": 0.25, "revenue": 10.0,
    });
    assert_same(&sessions.visits, &visits, "visits");
    let answered =
        reports.stats(question(&central, today, false, PlanChoice::Best), super::NOW_MS).await.unwrap();
    let sources: Vec<_> = answered.basis.visits_plan.iter().map(|piece| piece.source).collect();
    assert_eq!(sources, [Source::Hours], "of a whole day");
    // From an hour on that an edge cuts.
    for from in [day(0) + 1, day(0) + HOUR_MS / 2, day(0) + 2 * HOUR_MS + 1] {
        let ask = async |choice| ask(&reports, question(&central, (from, day(2)), false, choice)).await.0;
        let (best, single) = (ask(PlanChoice::Best).await, ask(PlanChoice::Raw).await);
        assert_same(&best.of_sessions, &single.of_sessions, "from hours and from single sessions");
    }
    let entry =
        |name: &str, visits: u64, bounces: u64| json!({ "name": name, "visits": visits, "bounces": bounces });
    assert_same(
        &sessions.entry_pages,
        &json!([entry("/b", 2, 2), entry("/a", 1, 0), entry("/c", 0, 1)]),
        "entry pages",
    );
    assert_same(&sessions.exit_pages, &json!([{ "name": "/b", "visits": 3 }]), "exit pages");
    let goals = json!([
        { "goal_id": "bought", "conversions": 3, "times": 5, "revenue": 10.0 },
        { "goal_id": "read", "conversions": 1, "times": 1, "revenue": 10.0 },
    ]);
    assert_same(&sessions.goals, &goals, "goals");
    let (with_bots, _) = ask(&reports, question(&central, today, true, PlanChoice::Best)).await;
    assert_eq!(with_bots.of_sessions.unwrap().visits.visits, 5);
    let (unknown, _) = ask(&reports, question(&central, (day(0) - 1, day(1)), false, PlanChoice::Best)).await;
    assert!(unknown.of_sessions.is_none(), "what began first is not derived");

    let query = "from=2026-02-28&to=2026-03-02&interval=day";
    let (status, body) = central.ask_for("series", query).await;
    assert_eq!(status, 200, "{body}");
    let column = |name: &str| {
        body["buckets"].as_array().unwrap().iter().map(|bucket| bucket[name].clone()).collect::<Vec<_>>()
    };
    assert_eq!(column("visits"), [Value::Null, json!(4), json!(1)]);
    assert_eq!(column("bounces"), [Value::Null, json!(3), json!(1)]);
    assert_eq!(column("pageviews"), [json!(0), json!(0), json!(0)], "buckets without events are there");
    let (_, whole) = central.ask_for("stats", "from=2026-03-01&to=2026-03-01").await;
    assert_eq!((&whole["visits"]["visits"], &whole["goals"][0]["name"]), (&json!(4), &Value::Null));
    assert_eq!(whole["meta"]["sessions_until"], json!("2026-03-03T00:00:00Z"));
    central.end().await;
}
