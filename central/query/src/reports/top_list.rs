//! The values of one dimension with the most page views in one website and period, and the distinct users who saw them. Pure.

use footfall_clickhouse::{Filter, Order, Select, Value};
use footfall_tables::page_view_rollups::PAGE_VIEW_ROLLUPS;

use super::super::definitions::{of_events, of_parts};
use super::super::plan::{Plan, Source};
use super::super::question::Scope;
use super::super::spans::Span;
use super::parts::{self, HourColumn};

/// By what page views are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Dimension {
    /// Pages, by their paths.
    Page,
    /// Those who sent the visits.
    Source,
    /// Classes of traffic sources.
    Channel,
    /// Countries, ISO 3166 codes.
    Country,
    /// Device types.
    Device,
    /// Browsers.
    Browser,
}

impl Dimension {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 6] =
        [Self::Page, Self::Source, Self::Channel, Self::Country, Self::Device, Self::Browser];

    /// The column of events that holds it.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Page => "page_path",
            Self::Source => "source_name",
            Self::Channel => "traffic_source",
            Self::Country => "country",
            Self::Device => "device_type",
            Self::Browser => "browser",
        }
    }

    /// What the table of lists calls it.
    pub(super) const fn rollup(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Source => "source",
            Self::Channel => "channel",
            Self::Country => "country",
            Self::Device => "device",
            Self::Browser => "browser",
        }
    }
}

/// A row for each value, at most as many as asked for.
pub(super) fn select(scope: &Scope, plan: &Plan, dimension: Dimension, limit: u16) -> Select {
    parts::of(plan, |source, spans| part(scope, dimension, source, spans))
        .column("name", "value")
        .column("pageviews", of_parts::PAGEVIEWS)
        .column("visitors", of_parts::VISITORS)
        .group_by("name")
        .order_by("pageviews", Order::Descending)
        .order_by("name", Order::Ascending)
        .limit(limit)
}

fn part(scope: &Scope, dimension: Dimension, source: Source, spans: Vec<Span>) -> Select {
    let span = match source {
        Source::Days => 24,
        Source::Hours => 1,
        Source::Raw | Source::Sessions => {
            return parts::events(scope, spans)
                .filter(Filter::equal("event_type", "pageview".into()))
                .column("value", dimension.column())
                .column("views", of_events::ONLY_VIEWS)
                .column("user_set", of_events::USERS)
                .group_by("value");
        }
    };
    parts::hours(scope, &PAGE_VIEW_ROLLUPS, HourColumn::Start, spans)
        .filter(Filter::equal("dimension", dimension.rollup().into()))
        .filter(Filter::equal("span", Value::Number(span)))
        .column("value", "value")
        .column("views", "pageviews")
        .column("user_set", "users")
}
