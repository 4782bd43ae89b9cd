//! The goals that the visits of one website and period reached. Pure.

use footfall_clickhouse::{Order, Select};
use footfall_tables::conversions::CONVERSIONS;

use super::super::definitions::of_conversions as figures;
use super::super::question::Scope;
use super::super::spans::Span;
use super::parts;

/// A row for each goal that was reached: a website has few.
pub(super) fn select(scope: &Scope, period: Span) -> Select {
    parts::begun(scope, &CONVERSIONS, vec![period])
        .column("goal_id", "goal_id")
        .column("conversions", figures::CONVERSIONS)
        .column("times", figures::TIMES)
        .column("revenue", figures::REVENUE)
        .group_by("goal_id")
        .order_by("conversions", Order::Descending)
        .order_by("goal_id", Order::Ascending)
}
