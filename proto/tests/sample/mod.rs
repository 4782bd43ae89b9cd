//! Messages to draw from.

use bytes::Bytes;
use footfall_proto::beacon::Event;
use proptest::prelude::*;

/// Any text, often none.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{0,40}"]
}

fn pages() -> impl Strategy<Value = Event> {
    (any::<[u8; 16]>(), text(), any::<i64>(), any::<[u8; 16]>(), text(), text(), text()).prop_map(
        |(id, event_type, client_timestamp_ms, view, page_url, page_title, page_referrer)| Event {
            event_id: Bytes::copy_from_slice(&id),
            event_type,
            client_timestamp_ms,
            page_view_id: Bytes::copy_from_slice(&view),
            page_url,
            page_title,
            page_referrer,
            ..Event::default()
        },
    )
}

fn finite() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(any::<f64>().prop_filter("NaN equals nothing", |v| !v.is_nan()))
}

/// Events with every field, without numbers that equal nothing.
pub(crate) fn events() -> impl Strategy<Value = Event> {
    (
        pages(),
        (text(), text(), text(), finite(), any::<u32>(), 0_u32..=100),
        (text(), text(), text(), text(), text(), text()),
        (prop::option::of(text()), finite(), finite(), finite()),
        (prop::option::of(text()), prop::option::of(text()), finite(), prop::option::of(any::<i32>())),
        prop::collection::btree_map(1_u32..=20, text(), 0..20),
        prop::collection::btree_map(1_u32..=20, -1e300..1e300, 0..20),
    )
        .prop_map(|(page, action, campaign, sale, product, custom_dimensions, custom_metrics)| Event {
            event_category: action.0,
            event_action: action.1,
            event_label: action.2,
            event_value: action.3,
            engagement_ms: action.4,
            scroll_depth: action.5,
            traffic_source: campaign.0,
            traffic_medium: campaign.1,
            traffic_campaign: campaign.2,
            traffic_keyword: campaign.3,
            traffic_content: campaign.4,
            source_name: campaign.5,
            transaction_id: sale.0,
            transaction_revenue: sale.1,
            transaction_tax: sale.2,
            transaction_shipping: sale.3,
            product_sku: product.0.clone(),
            product_name: product.1.clone(),
            product_category: product.0,
            product_price: product.2,
            product_quantity: product.3,
            custom_dimensions,
            custom_metrics,
            ..page
        })
}
