//! What must hold of the derived tables whatever is in them, by their own figures alone.

use std::collections::BTreeMap;

use super::tables::{Rows, Said, Tables};

/// How far two sums of the same numbers may be apart, of their size.
const TOLERANCE: f64 = 1e-9;

/// All of it.
///
/// # Panics
/// When one does not hold.
pub(super) fn hold(tables: &Tables) {
    bounces_are_sessions(&tables["traffic_sources_daily_local"]);
    views_add_up(&tables["page_view_rollups_local"], &tables["hourly_summary_local"], "1");
    views_add_up(&tables["page_view_rollups_local"], &tables["daily_summary_local"], "24");
    pages_add_up(&tables["page_views_hourly_local"], &tables["hourly_summary_local"]);
    a_filter_adds_nothing(&tables["hourly_summary_local"]);
}

/// Sums of a row's number by some parts of its key.
fn sums(
    rows: &Rows,
    by: impl Fn(&[String]) -> Option<Vec<String>>,
    number: usize,
) -> BTreeMap<Vec<String>, f64> {
    let mut sums = BTreeMap::new();
    for (key, said) in rows {
        if let Some(by) = by(key) {
            *sums.entry(by).or_insert(0.0) += said.numbers[number];
        }
    }
    sums
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() <= TOLERANCE * one.abs().max(other.abs())
}

fn bounces_are_sessions(sources: &Rows) {
    let by_day = |key: &[String]| Some(key[..2].to_vec());
    let (sessions, bounces) = (sums(sources, by_day, 0), sums(sources, by_day, 5));
    for (day, bounces) in bounces {
        assert!(bounces <= sessions[&day] * (1.0 + TOLERANCE), "{day:?}: {bounces} of {}", sessions[&day]);
    }
}

fn views_add_up(rollups: &Rows, summary: &Rows, span: &str) {
    let mut totals = sums(summary, |key| Some(key.to_vec()), 1);
    totals.retain(|_, views| *views > 0.0);
    for dimension in ["page", "source", "channel", "country", "device", "browser"] {
        let by = |key: &[String]| {
            (key[1] == dimension && key[2] == span)
                .then(|| vec![key[0].clone(), key[3].clone(), key[5].clone()])
        };
        let views = sums(rollups, by, 0);
        assert_eq!(views.len(), totals.len(), "{dimension} {span}");
        for (at, total) in &totals {
            assert!(same(views[at], *total), "{dimension} {span} {at:?}: {} of {total}", views[at]);
        }
    }
}

fn pages_add_up(pages: &Rows, summary: &Rows) {
    for (of_pages, of_summary) in [(0, 1), (1, 2)] {
        let by = |key: &[String]| Some(vec![key[0].clone(), key[2].clone(), key[5].clone()]);
        let found = sums(pages, by, of_pages);
        for (at, total) in sums(summary, |key| Some(key.to_vec()), of_summary) {
            let found = found.get(&at).copied().unwrap_or_default();
            assert!(same(found, total), "{at:?}: {found} of {total}");
        }
    }
}

fn a_filter_adds_nothing(summary: &Rows) {
    let of_people =
        |(key, said): (&Vec<String>, &Said)| (key[2] == "0").then_some((key[..2].to_vec(), said.numbers[0]));
    let all = sums(summary, |key| Some(key[..2].to_vec()), 0);
    for (at, people) in summary.iter().filter_map(of_people) {
        assert!(people <= all[&at] * (1.0 + TOLERANCE), "{at:?}: {people} of {}", all[&at]);
    }
}
