//! An event store that answers every report with made-up figures, as ClickHouse would: RowBinaryWithNamesAndTypes. Holds nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;

use super::{BROWSERS, CHANNELS, COUNTRIES, DEVICES, PAGES, SOURCES, flag, named, now_ms};

/// What the event store is said to hold.
pub(super) struct MadeUp {
    /// The website that has visits.
    pub(super) visited: String,
    /// Its goals by their ids, each with its share of the visits.
    pub(super) goals: Vec<(String, u64)>,
}

/// Answers any report as ClickHouse would, in RowBinaryWithNamesAndTypes.
pub(super) async fn made_up_figures(
    State(made_up): State<Arc<MadeUp>>,
    uri: Uri,
    statement: String,
) -> Vec<u8> {
    let asked = format!("{} {statement}", uri.query().unwrap_or_default());
    let scale = if asked.contains(made_up.visited.as_str()) { 61 } else { 0 };
    let is = |column: &str| asked.contains(&format!("{column} AS "));
    let lists = [
        ("page_path AS value", &PAGES[..]),
        ("source_name AS value", &SOURCES),
        ("traffic_source AS value", &CHANNELS),
        ("country AS value", &COUNTRIES),
        ("device_type AS value", &DEVICES),
        ("browser AS value", &BROWSERS),
    ];
    if asked.contains("derivation_progress_local") {
        return progress();
    }
    if let Some((_, rows)) = lists.iter().find(|(column, _)| asked.contains(column)) {
        return list(&["pageviews", "visitors"], rows, |share| vec![share * scale, share * scale / 2]);
    }
    if is("landing_page") {
        return list(&["visits", "bounces"], &PAGES, |share| vec![share * scale / 2, share * scale / 5]);
    }
    if is("exit_page") {
        return list(&["visits"], &PAGES, |share| vec![share * scale / 2]);
    }
    let mut out = Vec::new();
    if asked.contains("AS bucket") {
        return course(&asked, scale);
    } else if is("goal_id") {
        let columns =
            [("goal_id", "String"), ("conversions", "UInt64"), ("times", "UInt64"), ("revenue", "Float64")];
        header(&mut out, &columns);
        for (id, share) in made_up.goals.iter().filter(|_| scale > 0) {
            text(&mut out, id);
            out.extend((share * scale / 10).to_le_bytes());
            out.extend((share * scale / 8).to_le_bytes());
            out.extend((if *share == 5 { 18_214.5_f64 } else { 0.0 }).to_le_bytes());
        }
    } else if asked.contains("bounce_rate") {
        visits(&mut out, scale);
    } else {
        let counts = [("pageviews", scale * 102), ("visitors", scale * 47), ("sessions", scale * 58)];
        figures(&mut out, &counts, &[("average_engagement_ms", 83_400.0)], scale > 0);
    }
    out
}

/// Sessions are derived up to half an hour ago, and no hours: all else is asked of the events.
fn progress() -> Vec<u8> {
    let mut out = Vec::new();
    let columns = [
        ("known", "UInt8"),
        ("whole_from", "Int64"),
        ("whole_to", "Int64"),
        ("sessions_from", "Int64"),
        ("sessions_to", "Int64"),
        ("visits_from", "Int64"),
        ("late_hours", "Array(Int64)"),
        ("changed_days", "Array(Tuple(Int64, Int64))"),
    ];
    header(&mut out, &columns);
    out.push(u8::from(!flag("--underived")));
    for instant in [0, 0, 0, now_ms() - 35 * 60_000, 0] {
        out.extend(instant.to_le_bytes());
    }
    out.extend([0, 0]);
    out
}

/// A row for each name, with counts by its share; none where they are nothing.
fn list(counts: &[&str], names: &[(&str, u64)], of: impl Fn(u64) -> Vec<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    let columns: Vec<_> =
        [("name", "String")].into_iter().chain(counts.iter().map(|count| (*count, "UInt64"))).collect();
    header(&mut out, &columns);
    for (name, share) in names.iter().filter(|(_, share)| of(*share)[0] > 0) {
        text(&mut out, named(name));
        for count in of(*share) {
            out.extend(count.to_le_bytes());
        }
    }
    out
}

/// A wave over the buckets that have begun; where they begin is the longest list of the statement's values.
fn course(asked: &str, scale: u64) -> Vec<u8> {
    let plain = asked.replace("%2C", ",").replace("%5B", "[").replace("%5D", "]");
    let lists = plain.split('[').filter_map(|rest| rest.split_once(']'));
    let seconds = |list: &str| list.split(',').map_while(|one| one.trim().parse().ok()).collect::<Vec<i64>>();
    let starts = lists.map(|(list, _)| seconds(list)).max_by_key(Vec::len).unwrap_or_default();
    let of_events = asked.contains("AS visitors");
    let counts: &[&str] =
        if of_events { &["pageviews", "visitors", "sessions"] } else { &["visits", "bounces"] };
    let mut out = Vec::new();
    let columns: Vec<_> =
        [("bucket", "UInt32")].into_iter().chain(counts.iter().map(|count| (*count, "UInt64"))).collect();
    header(&mut out, &columns);
    let begun = starts.iter().filter(|start| **start * 1000 <= now_ms() && scale > 0);
    for (bucket, start) in (1_u32..).zip(begun) {
        let wave = ((start / 3600) as f64 * 0.5).sin() * 14.0 + 22.0 + (start / 86_400 % 7) as f64;
        out.extend(bucket.to_le_bytes());
        for part in (1..).take(counts.len()) {
            out.extend((wave as u64 * scale / part).to_le_bytes());
        }
    }
    out
}

fn visits(out: &mut Vec<u8>, scale: u64) {
    let columns = [
        ("visits", "UInt64"),
        ("bounces", "UInt64"),
        ("bounce_rate", "Nullable(Float64)"),
        ("average_duration_s", "Nullable(Float64)"),
        ("pages_per_visit", "Nullable(Float64)"),
        ("conversions", "UInt64"),
        ("conversion_rate", "Nullable(Float64)"),
        ("revenue", "Float64"),
    ];
    header(out, &columns);
    let rate = |out: &mut Vec<u8>, value: f64| {
        out.push(u8::from(scale == 0));
        if scale > 0 {
            out.extend(value.to_le_bytes());
        }
    };
    out.extend((scale * 54).to_le_bytes());
    out.extend((scale * 21).to_le_bytes());
    for value in [0.389, 172.6, 1.89] {
        rate(out, value);
    }
    out.extend((scale * 33 / 10).to_le_bytes());
    rate(out, 0.061);
    out.extend((scale as f64 * 298.6).to_le_bytes());
}

/// One row of counts and of averages, which are none where there is nothing.
fn figures(out: &mut Vec<u8>, counts: &[(&str, u64)], averages: &[(&str, f64)], any: bool) {
    let counted = counts.iter().map(|(name, _)| (*name, "UInt64"));
    let columns: Vec<_> =
        counted.chain(averages.iter().map(|(name, _)| (*name, "Nullable(Float64)"))).collect();
    header(out, &columns);
    for (_, count) in counts {
        out.extend(count.to_le_bytes());
    }
    for (_, average) in averages {
        out.push(u8::from(!any));
        if any {
            out.extend(average.to_le_bytes());
        }
    }
}

fn header(out: &mut Vec<u8>, columns: &[(&str, &str)]) {
    out.push(columns.len() as u8);
    for (name, _) in columns {
        text(out, name);
    }
    for (_, kind) in columns {
        text(out, kind);
    }
}

/// All texts here are shorter than 128 bytes: their length is one byte.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(text.len() as u8);
    out.extend(text.as_bytes());
}
