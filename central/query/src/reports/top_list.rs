//! The values of one dimension with the most page views in one website and period, and the distinct users who saw them. Pure.

use footfall_clickhouse::{Filter, Order, Select};

use super::super::{Question, definitions};

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

    /// The column that holds it.
    const fn column(self) -> &'static str {
        match self {
            Self::Page => "page_path",
            Self::Source => "source_name",
            Self::Channel => "traffic_source",
            Self::Country => "country",
            Self::Device => "device_type",
            Self::Browser => "browser",
        }
    }
}

/// A row for each value, at most as many as the question asks for.
pub(super) fn select(dimension: Dimension, question: &Question) -> Select {
    super::events(question)
        .column("name", dimension.column())
        .column("pageviews", definitions::PAGEVIEWS)
        .column("visitors", definitions::VISITORS)
        .filter(Filter::equal("event_type", "pageview".into()))
        .group_by("name")
        .order_by("pageviews", Order::Descending)
        .order_by("name", Order::Ascending)
        .limit(question.limit)
}

#[cfg(test)]
mod tests {
    use super::super::{LIMITS, tests::question};
    use super::*;
    use footfall_clickhouse::Value;
    use footfall_tables::events::EVENTS;

    #[test]
    fn it_lists_page_views_by_a_column_of_the_table() {
        for dimension in Dimension::ALL {
            let statement = select(dimension, &question()).statement(LIMITS);
            let columns = format!(
                "SELECT {} AS name, toUInt64(round(sum(1 / sample_rate))) AS pageviews, uniqExact(user_id) AS visitors\nFROM events_local\n",
                dimension.column()
            );
            assert!(statement.sql().starts_with(&columns), "{}", statement.sql());
            let end = "\n    AND event_type = {p5:String}\nGROUP BY name\nORDER BY pageviews DESC, name\nLIMIT {p6:UInt64}";
            assert!(statement.sql().ends_with(end), "{}", statement.sql());
            let last: Vec<_> = statement.parameters().skip(5).collect();
            assert_eq!(last, [("p5", &"pageview".into()), ("p6", &Value::Number(7))]);
            assert!(EVENTS.columns().iter().any(|column| column.name == dimension.column()), "{dimension:?}");
        }
    }
}
