//! The figures of the visits of one website and period: of sessions that have ended. Pure.

use footfall_clickhouse::Select;

use super::super::definitions::of_sessions as figures;
use super::super::question::Scope;
use super::super::spans::Span;
use super::parts;

/// One row.
pub(super) fn select(scope: &Scope, period: Span) -> Select {
    parts::sessions(scope, period)
        .with_expression("began", figures::BEGAN)
        .column("visits", figures::VISITS)
        .column("bounces", figures::BOUNCES)
        .column("bounce_rate", figures::BOUNCE_RATE)
        .column("average_duration_s", figures::AVERAGE_DURATION_S)
        .column("pages_per_visit", figures::PAGES_PER_VISIT)
        .column("conversions", figures::CONVERSIONS)
        .column("conversion_rate", figures::CONVERSION_RATE)
        .column("revenue", figures::REVENUE)
}
