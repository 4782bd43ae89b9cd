//! The pages that the visits of one website and period began or ended with. Pure.

use footfall_clickhouse::{Filter, Order, Select, Value};

use super::super::definitions::of_sessions as figures;
use super::super::question::Scope;
use super::super::spans::Span;
use super::parts;

/// Which end of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    /// The first page.
    Entry,
    /// The last page.
    Exit,
}

/// A row for each page, at most as many as asked for; with its bounces where visits began with it.
pub(super) fn select(scope: &Scope, period: Span, end: End, limit: u16) -> Select {
    let sessions = parts::sessions(scope, period)
        .with_expression("began", figures::BEGAN)
        .filter(Filter::above("pageviews", Value::Number(0)));
    let pages = match end {
        End::Entry => sessions
            .column("name", "landing_page")
            .column("visits", figures::VISITS)
            .column("bounces", figures::BOUNCES)
            .having("visits > 0 OR bounces > 0"),
        End::Exit => {
            sessions.column("name", "exit_page").column("visits", figures::VISITS).having("visits > 0")
        }
    };
    pages
        .group_by("name")
        .order_by("visits", Order::Descending)
        .order_by("name", Order::Ascending)
        .limit(limit)
}
