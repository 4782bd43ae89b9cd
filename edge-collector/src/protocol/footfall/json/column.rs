//! The columns that an event of a document may name, and what each takes. A table; reads no value. Pure.

use bytes::Bytes;
use footfall_proto::limits::CUSTOM_SLOTS;

use super::draft::Draft;

/// A column by its name.
pub(super) struct Column {
    name: &'static str,
    pub(super) takes: Takes,
}

/// Where a column's value goes, which says what it is read as.
pub(super) enum Takes {
    /// A text, as which numbers and truth values may be given.
    Text(fn(&mut Draft) -> &mut String),
    /// The same where empty and absent are two things.
    OptionalText(fn(&mut Draft) -> &mut Option<String>),
    /// A text that is a page's address.
    Address(fn(&mut Draft) -> &mut String),
    /// A text that names somebody; a truth value names nobody.
    Name(fn(&mut Draft) -> &mut String),
    /// A number, as all that follow given as a number or as a text.
    Number(fn(&mut Draft) -> &mut Option<f64>),
    /// A measure, to the nearest whole.
    Measure(fn(&mut Draft) -> &mut u32),
    /// A count, which has no fraction.
    Count(fn(&mut Draft) -> &mut Option<i32>),
    /// A UUID in any of its text forms.
    Uuid(fn(&mut Draft) -> &mut Bytes),
    /// A time.
    Time(fn(&mut Draft) -> &mut i64),
    /// An object of texts by their slots.
    Dimensions,
    /// An object of numbers by their slots.
    Metrics,
}

/// Every key that means something in an event, by its length and then by name, apart from the numbered custom columns.
#[rustfmt::skip] // A table.
static COLUMNS: [Column; 33] = {
    use Takes::{Address, Count, Dimensions, Measure, Metrics, Name, Number, OptionalText, Text, Time, Uuid};
    const fn column(name: &'static str, takes: Takes) -> Column { Column { name, takes } }
    [
        column("user_id", Name(|d| &mut d.user_id)),
        column("event_id", Uuid(|d| &mut d.event.event_id)),
        column("page_url", Address(|d| &mut d.event.page_url)),
        column("event_type", Text(|d| &mut d.event.event_type)),
        column("page_title", Text(|d| &mut d.event.page_title)),
        column("session_id", Name(|d| &mut d.session_id)),
        column("event_label", Text(|d| &mut d.event.event_label)),
        column("event_value", Number(|d| &mut d.event.event_value)),
        column("product_sku", OptionalText(|d| &mut d.event.product_sku)),
        column("source_name", Text(|d| &mut d.event.source_name)),
        column(TRACKING_ID, Text(|d| &mut d.tracking_id)),
        column("event_action", Text(|d| &mut d.event.event_action)),
        column("page_view_id", Uuid(|d| &mut d.event.page_view_id)),
        column("product_name", OptionalText(|d| &mut d.event.product_name)),
        column("scroll_depth", Measure(|d| &mut d.event.scroll_depth)),
        column("engagement_ms", Measure(|d| &mut d.event.engagement_ms)),
        column("page_referrer", Text(|d| &mut d.event.page_referrer)),
        column("product_price", Number(|d| &mut d.event.product_price)),
        column("custom_metrics", Metrics),
        column("event_category", Text(|d| &mut d.event.event_category)),
        column("traffic_medium", Text(|d| &mut d.event.traffic_medium)),
        column("traffic_source", Text(|d| &mut d.event.traffic_source)),
        column("transaction_id", OptionalText(|d| &mut d.event.transaction_id)),
        column("traffic_content", Text(|d| &mut d.event.traffic_content)),
        column("traffic_keyword", Text(|d| &mut d.event.traffic_keyword)),
        column("transaction_tax", Number(|d| &mut d.event.transaction_tax)),
        column("client_timestamp", Time(|d| &mut d.event.client_timestamp_ms)),
        column("product_category", OptionalText(|d| &mut d.event.product_category)),
        column("product_quantity", Count(|d| &mut d.event.product_quantity)),
        column("traffic_campaign", Text(|d| &mut d.event.traffic_campaign)),
        column("custom_dimensions", Dimensions),
        column("transaction_revenue", Number(|d| &mut d.event.transaction_revenue)),
        column("transaction_shipping", Number(|d| &mut d.event.transaction_shipping)),
    ]
};

const TRACKING_ID: &str = "tracking_id";

/// Where a field belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a column of [`COLUMNS`], by index.
    Column(usize),
    /// In the custom dimension of a slot.
    Dimension(u32),
    /// In the custom metric of a slot.
    Metric(u32),
    /// In a custom column that does not exist.
    Nowhere,
}

impl Place {
    /// The place of a key of an event; `None` for one that no column has.
    pub(super) fn named(key: &str) -> Option<Self> {
        if let Ok(index) = COLUMNS
            .binary_search_by(|column| column.name.len().cmp(&key.len()).then_with(|| column.name.cmp(key)))
        {
            return Some(Self::Column(index));
        }
        if let Some(slot) = key.strip_prefix("custom_dimension_") {
            return Some(Self::dimension(slot));
        }
        key.strip_prefix("custom_metric_").map(Self::metric)
    }

    /// The place of a key of `custom_dimensions`.
    pub(super) fn dimension(slot: &str) -> Self {
        slot_of(slot).map_or(Self::Nowhere, Self::Dimension)
    }

    /// The place of a key of `custom_metrics`.
    pub(super) fn metric(slot: &str) -> Self {
        slot_of(slot).map_or(Self::Nowhere, Self::Metric)
    }

    pub(super) fn is_tracking_id(self) -> bool {
        matches!(self, Self::Column(index) if COLUMNS[index].name == TRACKING_ID)
    }

    /// What the column at `index` takes.
    pub(super) fn takes(index: usize) -> &'static Takes {
        &COLUMNS[index].takes
    }
}

fn slot_of(text: &str) -> Option<u32> {
    text.parse().ok().filter(|slot| (1..=CUSTOM_SLOTS).contains(slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_in_order_and_have_no_twins() {
        assert!(COLUMNS.is_sorted_by(|one, next| (one.name.len(), one.name) < (next.name.len(), next.name)));
    }

    #[test]
    fn every_key_has_its_place() {
        for (key, place) in [
            ("custom_dimension_1", Some(Place::Dimension(1))),
            ("custom_metric_20", Some(Place::Metric(20))),
            ("custom_dimension_21", Some(Place::Nowhere)),
            ("custom_dimension_0", Some(Place::Nowhere)),
            ("custom_metric_x", Some(Place::Nowhere)),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(Place::named(key), place, "{key}");
        }
        assert!(Place::named("tracking_id").expect("a column").is_tracking_id());
        assert!(!Place::named("user_id").expect("a column").is_tracking_id());
    }
}
