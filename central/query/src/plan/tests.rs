//! What any plan must be, whatever the question and however far the tables are.

use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::buckets::{Buckets, Interval};
use crate::period::Period;
use crate::zone::Zone;

const MINUTE_MS: i64 = 60_000;

fn ms(instant: OffsetDateTime) -> i64 {
    instant.unix_timestamp() * 1000
}

/// All is in the tables up to an instant.
fn until(whole_to: i64) -> Freshness {
    Freshness { whole_to, sessions_to: whole_to, ..Freshness::default() }
}

fn pieces(plan: &Plan) -> Vec<(Source, i64, i64)> {
    plan.pieces().iter().map(|piece| (piece.source, piece.from_ms, piece.to_ms)).collect()
}

/// Hours since 1970 as milliseconds.
fn hours(count: i64) -> i64 {
    count * HOUR_MS
}

#[test]
fn whole_days_come_from_days_edges_from_hours_and_what_is_cut_or_open_from_events() {
    let plan = Plan::new((hours(20) + 1, hours(100) + 5), &[], &until(hours(99)));
    assert_eq!(
        pieces(&plan),
        [
            (Source::Raw, hours(20) + 1, hours(21)),
            (Source::Hours, hours(21), hours(24)),
            (Source::Days, hours(24), hours(96)),
            (Source::Hours, hours(96), hours(99)),
            (Source::Raw, hours(99), hours(100) + 5),
        ]
    );
}

#[test]
fn an_hour_with_late_events_is_read_from_them_and_its_day_is_not_believed() {
    let freshness = Freshness { stale: vec![(hours(50), hours(51))], ..until(hours(96)) };
    assert_eq!(
        pieces(&Plan::new((0, hours(96)), &[], &freshness)),
        [
            (Source::Days, 0, hours(48)),
            (Source::Hours, hours(48), hours(50)),
            (Source::Raw, hours(50), hours(51)),
            (Source::Hours, hours(51), hours(72)),
            (Source::Days, hours(72), hours(96)),
        ]
    );
}

#[test]
fn where_nothing_is_derived_all_comes_from_events() {
    let period = (hours(1), hours(50));
    for freshness in
        [Freshness::default(), until(hours(1)), Freshness { whole_from: hours(60), ..until(hours(70)) }]
    {
        assert_eq!(Plan::new(period, &[], &freshness), Plan::raw(period));
    }
    let empty = (hours(3), hours(3));
    assert_eq!(
        Plan::new(empty, &[], &until(hours(70))),
        Plan::raw(empty),
        "a statement has at least one piece"
    );
}

#[test]
fn very_many_stale_hours_are_one_stretch() {
    let stale = (0..200).map(|hour| (hours(100 + 2 * hour), hours(101 + 2 * hour))).collect();
    let plan = Plan::new((0, hours(1000)), &[], &Freshness { stale, ..until(hours(1000)) });
    assert_eq!(plan.spans(Source::Raw), [(hours(100), hours(499))]);
}

fn series(name: &str, from: &str, to: &str, interval: Interval) -> Plan {
    let zone = Zone::named(name).unwrap();
    let period = Period::parse_in(Some(from), Some(to), datetime!(2026-11-30 12:00 UTC), &zone).unwrap();
    let buckets = Buckets::new(&period, interval, &zone).unwrap();
    Plan::new(
        (period.from_ms(), period.to_ms()),
        buckets.starts(),
        &until(ms(datetime!(2026-12-01 0:00 UTC))),
    )
}

#[test]
fn an_hour_that_a_buckets_edge_cuts_is_read_from_events() {
    let utc = series("UTC", "2026-11-01", "2026-11-03", Interval::Day);
    assert_eq!(utc.pieces().iter().map(|piece| piece.source).collect::<Vec<_>>(), [Source::Days]);
    let berlin = series("Europe/Berlin", "2026-10-24", "2026-10-26", Interval::Day);
    assert_eq!(berlin.pieces().iter().map(|piece| piece.source).collect::<Vec<_>>(), [Source::Hours]);
    let cut = |name, from, to, interval| {
        let plan = series(name, from, to, interval);
        assert!(plan.spans(Source::Days).is_empty(), "{name}");
        plan.spans(Source::Raw).len()
    };
    // Three days have four edges, all of them within an hour.
    assert_eq!(cut("Asia/Kolkata", "2026-11-01", "2026-11-03", Interval::Day), 4);
    assert_eq!(cut("Asia/Kathmandu", "2026-11-01", "2026-11-03", Interval::Day), 4);
    assert_eq!(cut("Asia/Kolkata", "2026-11-01", "2026-11-03", Interval::Hour), 1, "each hour is cut");
    // Half the year eleven hours ahead, half of it ten and a half.
    assert_eq!(cut("Australia/Lord_Howe", "2026-02-01", "2026-02-02", Interval::Hour), 0);
    assert_eq!(cut("Australia/Lord_Howe", "2026-04-04", "2026-04-05", Interval::Day), 1);
    assert_eq!(cut("Pacific/Apia", "2011-12-29", "2011-12-31", Interval::Day), 0);
}

fn freshness() -> impl Strategy<Value = Freshness> {
    let stale = prop::collection::vec((0_i64..2200, 1_i64..30), 0..80);
    (0_i64..500, 0_i64..2500, stale).prop_map(|(from, length, stale)| Freshness {
        whole_from: hours(from),
        whole_to: hours(from + length),
        stale: merged(stale.into_iter().map(|(from, length)| (hours(from), hours(from + length))).collect()),
        sessions_from: 0,
        sessions_to: 0,
        visits_from: hours(from + length / 3),
        changed: Vec::new(),
    })
}

#[test]
fn visits_come_from_the_hours_of_whole_days_and_beyond_from_single_sessions() {
    let visits = |freshness: Freshness, edges: &[i64]| {
        pieces(&Plan::of_visits((hours(20) + 1, hours(100) + 5), edges, &freshness))
    };
    let whole = || until(hours(99));
    assert_eq!(
        visits(whole(), &[]),
        [
            (Source::Sessions, hours(20) + 1, hours(21)),
            (Source::Hours, hours(21), hours(96)),
            (Source::Sessions, hours(96), hours(100) + 5),
        ]
    );
    let half = hours(50) + 30 * MINUTE_MS;
    assert_eq!(visits(whole(), &[half])[2], (Source::Sessions, hours(50), hours(51)), "an edge cuts an hour");
    let late = Freshness { stale: vec![(hours(30), hours(31))], ..whole() };
    assert_eq!(visits(late, &[]).len(), 3, "a late event changes its session and all that stands on it");
    let some = Freshness { visits_from: hours(49), ..whole() };
    assert_eq!(visits(some, &[])[0], (Source::Sessions, hours(20) + 1, hours(72)));
    let none = Freshness { visits_from: hours(1_000_000), ..whole() };
    assert_eq!(visits(none, &[]), [(Source::Sessions, hours(20) + 1, hours(100) + 5)]);
}

proptest! {
    #[test]
    fn pieces_are_the_period_and_no_row_holds_what_it_must_not(
        (from, length) in (0_i64..hours(2400), 0_i64..hours(1200)),
        freshness in freshness(),
        edges in prop::collection::vec(0_i64..(2400 * 4), 0..60),
    ) {
        let mut edges: Vec<i64> = edges.into_iter().map(|quarter| quarter * 15 * MINUTE_MS).collect();
        edges.sort_unstable();
        let period = (from, from + length);
        let plan = Plan::new(period, &edges, &freshness);
        let visits = Plan::of_visits(period, &edges, &freshness);
        for piece in visits.pieces() {
            prop_assert!(matches!(piece.source, Source::Hours | Source::Sessions));
            prop_assert!(piece.source == Source::Sessions || piece.from_ms >= freshness.visits_from);
        }
        // A late event changes its session and what stands on it at once: no hour of visits is stale.
        let of_visits = Freshness { stale: Vec::new(), ..freshness.clone() };
        for (plan, freshness) in [(plan, &freshness), (visits, &of_visits)] {
        let pieces = plan.pieces();
        prop_assert_eq!((pieces[0].from_ms, pieces[pieces.len() - 1].to_ms), (from, from + length));
        for neighbours in pieces.windows(2) {
            prop_assert_eq!(neighbours[0].to_ms, neighbours[1].from_ms);
            prop_assert_ne!(neighbours[0].source, neighbours[1].source);
        }
        for piece in pieces {
            let cell = match piece.source {
                Source::Days => DAY_MS,
                Source::Hours => HOUR_MS,
                Source::Raw | Source::Sessions => continue,
            };
            prop_assert!(piece.from_ms < piece.to_ms);
            prop_assert_eq!((piece.from_ms % cell, piece.to_ms % cell), (0, 0));
            prop_assert!(freshness.whole_from <= piece.from_ms && piece.to_ms <= freshness.whole_to);
            for (stale_from, stale_to) in &freshness.stale {
                prop_assert!(*stale_to <= piece.from_ms || piece.to_ms <= *stale_from, "{piece:?} holds a stale hour");
            }
            for edge in &edges {
                let inside = piece.from_ms < *edge && *edge < piece.to_ms && edge % cell != 0;
                prop_assert!(!inside, "{piece:?} has a row with {edge} inside");
            }
        }
        }
    }

    #[test]
    fn in_any_zone_no_row_lies_in_two_buckets(
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"]),
        start in ms(datetime!(2011-01-01 0:00 UTC))..ms(datetime!(2026-06-01 0:00 UTC)),
        days in 1_i64..25,
        by_day in any::<bool>(),
    ) {
        let zone = Zone::named(zone).unwrap();
        let instant = |ms: i64| OffsetDateTime::from_unix_timestamp(ms / 1000).unwrap();
        let (from, to) = (instant(start), instant(start + days * DAY_MS));
        let text = |at: OffsetDateTime| at.format(&time::format_description::well_known::Rfc3339).unwrap();
        let period = Period::parse(Some(&text(from)), Some(&text(to)), to).unwrap();
        let interval = if by_day { Interval::Day } else { Interval::Hour };
        let buckets = Buckets::new(&period, interval, &zone).unwrap();
        let whole = until(hours(1_000_000));
        let of_events = Plan::new((period.from_ms(), period.to_ms()), buckets.starts(), &whole);
        let of_visits = Plan::of_visits((period.from_ms(), period.to_ms()), buckets.starts(), &whole);
        let bucket = |at: i64| buckets.starts().partition_point(|start| *start <= at);
        prop_assert_eq!(bucket(period.from_ms()), 1);
        prop_assert!(buckets.end() >= period.to_ms());
        for piece in of_events.pieces().iter().chain(of_visits.pieces()) {
            let cell = match piece.source {
                Source::Days => DAY_MS,
                Source::Hours => HOUR_MS,
                // Events are counted by quarters of an hour, sessions by seconds.
                Source::Raw | Source::Sessions => continue,
            };
            for row in (piece.from_ms..piece.to_ms).step_by(usize::try_from(cell).unwrap()) {
                prop_assert_eq!(bucket(row), bucket(row + cell - 1));
            }
        }
        prop_assert!(buckets.starts().iter().all(|start| start % (15 * MINUTE_MS) == 0));
    }
}
