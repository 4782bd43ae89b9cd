//! The parts of a plan, counted apart: which rows of events, hours, days and sessions a question is about. Pure.

use footfall_clickhouse::{Filter, Select, Table, Value};
use footfall_tables::events::EVENTS;
use footfall_tables::sessions::SESSIONS;

use super::super::plan::{Plan, Source};
use super::super::question::Scope;
use super::super::spans::{self, DAY_MS, Span};

/// Most spans that are ranges of a statement: with hundreds, the store takes a second to see which parts of a table they are in.
const MAX_RANGES: usize = 20;
/// Most hours that are listed instead.
const MAX_HOURS: i64 = 50_000;

/// A select of all parts of a plan of events, one for each source that it has; single sessions are none of them.
pub(super) fn of(plan: &Plan, part: impl Fn(Source, Vec<Span>) -> Select) -> Select {
    let sources = [Source::Days, Source::Hours, Source::Raw];
    let spans = sources.map(|source| (source, plan.spans(source)));
    let parts = spans.into_iter().filter(|(_, spans)| !spans.is_empty());
    Select::from_all(parts.map(|(source, spans)| part(source, spans)).collect())
}

/// The events of the site in these spans, without duplicates, and without bots unless asked for.
pub(super) fn events(scope: &Scope, spans: Vec<Span>) -> Select {
    let all = Select::from(&EVENTS).filter(website(scope));
    in_spans(
        all,
        spans,
        "server_timestamp",
        "toUnixTimestamp(toStartOfHour(server_timestamp))",
        Value::Millis,
    )
    .filter(Filter::equal("is_duplicate", Value::Number(0)))
    .filter(bots(scope))
}

/// The rows of hours of a table of the site in these spans, by the column that says where an hour begins; without bots unless asked for.
pub(super) fn hours(scope: &Scope, table: &Table, column: HourColumn, spans: Vec<Span>) -> Select {
    let all = Select::from_newest(table).filter(website(scope));
    let (column, seconds) = match column {
        HourColumn::Hour => ("hour", "toUnixTimestamp(hour)"),
        HourColumn::Start => ("start", "toUnixTimestamp(start)"),
    };
    in_spans(all, spans, column, seconds, second).filter(bots(scope))
}

/// The column of a table that says where an hour begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum HourColumn {
    Hour,
    Start,
}

/// Rows whose column lies in these spans. Many spans have whole hours as their ends, but for the first begin and the last end: then the hours
/// are listed, and `hour` says when that begins which a row is in.
fn in_spans(
    rows: Select,
    spans: Vec<Span>,
    column: &'static str,
    hour: &'static str,
    value: impl Fn(i64) -> Value,
) -> Select {
    let listed = if spans.len() > MAX_RANGES { spans::hours(&spans, MAX_HOURS) } else { None };
    match (listed, spans.first(), spans.last()) {
        (Some(listed), Some(first), Some(last)) => rows
            .filter(Filter::within(column, values(vec![(first.0, last.1)], value)))
            .filter(Filter::one_of(hour, listed.into_iter().map(second).collect())),
        _ => rows.filter(Filter::within(column, values(spans, value))),
    }
}

/// The rows of a table of sessions of the site that began in these spans; without bots unless asked for.
pub(super) fn begun(scope: &Scope, table: &Table, spans: Vec<Span>) -> Select {
    let all = Select::from_newest(table).filter(website(scope));
    let hour = "toUnixTimestamp(toStartOfHour(session_start))";
    in_spans(all, spans, "session_start", hour, second).filter(bots(scope))
}

/// The sessions of the site whose first page was viewed in these spans: at most a day after their start; without bots unless asked for.
pub(super) fn landed(scope: &Scope, spans: Vec<Span>) -> Select {
    let all = (spans.first().map_or(0, |span| span.0 - DAY_MS), spans.last().map_or(0, |span| span.1));
    let rows = begun(scope, &SESSIONS, vec![all]);
    in_spans(rows, spans, "landed_at", "toUnixTimestamp(toStartOfHour(landed_at))", second)
}

/// The rows of days of a table of the site in these spans, by a column that is a UTC day; without bots unless asked for.
pub(super) fn days(scope: &Scope, table: &Table, column: &'static str, spans: Vec<Span>) -> Select {
    Select::from_newest(table)
        .filter(website(scope))
        .filter(Filter::within(column, values(spans, day)))
        .filter(bots(scope))
}

/// The sessions that began in a period, or may have viewed their first page in it: they end a day after their start. Expressions may name
/// the period's ends, `period_from` and `period_to`.
pub(super) fn sessions(scope: &Scope, (from, to): Span) -> Select {
    begun(scope, &SESSIONS, vec![(from - DAY_MS, to)])
        .with("period_from", second(from))
        .with("period_to", second(to))
}

fn website(scope: &Scope) -> Filter {
    Filter::equal("website_id", scope.website_id.as_str().into())
}

fn bots(scope: &Scope) -> Filter {
    Filter::at_most("is_bot", Value::Number(scope.bots.into()))
}

fn values(spans: Vec<Span>, value: impl Fn(i64) -> Value) -> Vec<(Value, Value)> {
    spans.into_iter().map(|(from, to)| (value(from), value(to))).collect()
}

/// The first whole second at an instant or behind it: a column that holds whole seconds is at or behind the one as it is the other.
pub(super) fn second(at_ms: i64) -> Value {
    let seconds = -(-at_ms).div_euclid(1000);
    Value::Second(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}

fn day(at_ms: i64) -> Value {
    let days = at_ms.div_euclid(DAY_MS).max(0);
    Value::Day(u16::try_from(days).unwrap_or(u16::MAX))
}
