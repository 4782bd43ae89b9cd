//! `events_local`: one row for each event of the log. On a cluster, `events_distributed` reads that of all shards; `events` is the view for
//! people, over either. Says what is stored, not what fills it.

use footfall_clickhouse::{Ipv6, Migration, Millis, TableDefinition, Uuid, table};
use footfall_proto::limits::CUSTOM_SLOTS;

/// Columns for the site's own dimensions, and as many for its own metrics.
pub const CUSTOM_COLUMNS: usize = CUSTOM_SLOTS as usize;

/// The table and what makes it.
pub(crate) const DEFINITION: TableDefinition = TableDefinition {
    table: &EVENTS,
    migrations: &[
        Migration {
            version: "2026-11-23_events_local",
            sql: include_str!("events/2026-11-23_events_local.sql"),
        },
        Migration {
            version: "2026-11-23_events_on_cluster",
            sql: include_str!("events/2026-11-23_events_on_cluster.sql"),
        },
    ],
};

table! {
    /// One row for each event.
    pub static EVENTS = "events_local";

    /// One event, borrowed from whoever has it.
    pub struct EventRow<'a> {
        event_id: Uuid,
        website_id: &'a str,
        session_id: &'a str,
        user_id: &'a str,
        event_type: &'a str,
        event_category: &'a str,
        event_action: &'a str,
        event_label: &'a str,
        event_value: f64,
        client_timestamp: Millis,
        server_timestamp: Millis,
        page_url: &'a str,
        page_title: &'a str,
        page_referrer: &'a str,
        page_path: &'a str,
        page_view_id: Uuid,
        engagement_ms: u32,
        scroll_depth: u8,
        ip_address: Ipv6,
        user_agent: &'a str,
        country: &'a str,
        region: &'a str,
        city: &'a str,
        latitude: f32,
        longitude: f32,
        device_type: &'a str,
        device_brand: &'a str,
        device_model: &'a str,
        os: &'a str,
        os_version: &'a str,
        browser: &'a str,
        browser_version: &'a str,
        screen_resolution: &'a str,
        traffic_source: &'a str,
        source_name: &'a str,
        traffic_medium: &'a str,
        traffic_campaign: &'a str,
        traffic_keyword: &'a str,
        traffic_content: &'a str,
        source_known: u8,
        traffic_source_version: u32,
        transaction_id: Option<&'a str>,
        transaction_revenue: Option<f64>,
        transaction_tax: Option<f64>,
        transaction_shipping: Option<f64>,
        product_sku: Option<&'a str>,
        product_name: Option<&'a str>,
        product_category: Option<&'a str>,
        product_price: Option<f64>,
        product_quantity: Option<i32>,
        custom_dimension: [&'a str; CUSTOM_COLUMNS],
        custom_metric: [f64; CUSTOM_COLUMNS],
        is_bot: u8,
        is_duplicate: u8,
        sdk_version: &'a str,
        sample_rate: f64,
        log_incarnation: Uuid,
        log_partition: u32,
        log_offset: u64,
        log_index: u32,
        edge_id: &'a str,
        epoch: Uuid,
        edge_offset: u64,
        policy_id: u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_dimensions_and_metrics_are_columns() {
        let names: Vec<_> = EVENTS.columns().iter().map(|column| column.name.as_str()).collect();
        assert!(names.contains(&"custom_dimension_1") && names.contains(&"custom_metric_20"));
        assert_eq!(names.len(), 102);
    }
}
