//! The reports, a file for each: which statement answers it, with its parameters and limits. Pure; sends nothing.
//!
//! To add a report, copy `top_list.rs` (of events and the tables that are computed of them) or `goals.rs` (of sessions), name it in [`Report`],
//! and ask it in [`Reports`](super::Reports).

mod goals;
mod parts;
mod series;
mod session_pages;
mod top_list;
mod totals;
mod visits;

use footfall_clickhouse::{Limits, Statement};

use super::plan::Plan;
use super::question::Scope;
use super::spans::Span;
pub(super) use series::{SeriesRow, VisitsRow};
pub(super) use session_pages::End;
pub(super) use top_list::Dimension;

/// What a report may use.
const LIMITS: Limits = Limits { seconds: 10, memory_bytes: 1 << 30 };

/// The reports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report<'a> {
    /// The figures of the period.
    Totals(&'a Plan),
    /// The values of a dimension with the most page views, so many.
    TopList(&'a Plan, Dimension, u16),
    /// The figures of buckets that begin so.
    Series(&'a Plan, &'a [i64]),
    /// The figures of the visits of a period.
    Visits(&'a Plan),
    /// Pages at one end of its visits, so many.
    SessionPages(Span, End, u16),
    /// Goals that its visits reached.
    Goals(Span),
    /// Visits and bounces of buckets that begin so.
    VisitsSeries(&'a Plan, &'a [i64]),
}

impl Report<'_> {
    /// The statement that answers it.
    pub(super) fn statement(self, scope: &Scope) -> Statement {
        match self {
            Self::Totals(plan) => totals::select(scope, plan),
            Self::TopList(plan, dimension, limit) => top_list::select(scope, plan, dimension, limit),
            Self::Series(plan, starts) => series::select(scope, plan, starts),
            Self::Visits(plan) => visits::select(scope, plan),
            Self::SessionPages(period, end, limit) => session_pages::select(scope, period, end, limit),
            Self::Goals(period) => goals::select(scope, period),
            Self::VisitsSeries(plan, starts) => series::visits(scope, plan, starts),
        }
        .statement(LIMITS)
    }
}

#[cfg(test)]
mod tests;
