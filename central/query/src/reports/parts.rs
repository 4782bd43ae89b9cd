//! The parts of a plan, counted apart: which rows of events, hours, days and sessions a question is about. Pure.

use footfall_clickhouse::{Filter, Select, Table, Value};
use footfall_tables::events::EVENTS;
use footfall_tables::sessions::SESSIONS;

use super::super::plan::{Plan, Source};
use super::super::question::Scope;
use super::super::spans::{DAY_MS, Span};

/// A select of all parts of a plan, one for each source that it has.
pub(super) fn of(plan: &Plan, part: impl Fn(Source, Vec<Span>) -> Select) -> Select {
    let sources = [Source::Days, Source::Hours, Source::Raw];
    let spans = sources.map(|source| (source, plan.spans(source)));
    let parts = spans.into_iter().filter(|(_, spans)| !spans.is_empty());
    Select::from_all(parts.map(|(source, spans)| part(source, spans)).collect())
}

/// The events of the site in these spans, without duplicates, and without bots unless asked for.
pub(super) fn events(scope: &Scope, spans: Vec<Span>) -> Select {
    Select::from(&EVENTS)
        .filter(website(scope))
        .filter(Filter::within("server_timestamp", values(spans, Value::Millis)))
        .filter(Filter::equal("is_duplicate", Value::Number(0)))
        .filter(bots(scope))
}

/// The rows of a table of the site whose column, an instant of whole seconds, lies in these spans; without bots unless asked for.
pub(super) fn rows(scope: &Scope, table: &Table, column: &'static str, spans: Vec<Span>) -> Select {
    Select::from_newest(table)
        .filter(website(scope))
        .filter(Filter::within(column, values(spans, second)))
        .filter(bots(scope))
}

/// The same of a table whose column is a UTC day.
pub(super) fn days(scope: &Scope, table: &Table, column: &'static str, spans: Vec<Span>) -> Select {
    Select::from_newest(table)
        .filter(website(scope))
        .filter(Filter::within(column, values(spans, day)))
        .filter(bots(scope))
}

/// The sessions that began in a period, or may have viewed their first page in it: they end a day after their start. Expressions may name
/// the period's ends, `period_from` and `period_to`.
pub(super) fn sessions(scope: &Scope, (from, to): Span) -> Select {
    rows(scope, &SESSIONS, "session_start", vec![(from - DAY_MS, to)])
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
