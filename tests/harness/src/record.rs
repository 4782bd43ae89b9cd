//! Records as an edge writes them into its journal, of whatever site and time a test wants.

use std::net::Ipv4Addr;

use bytes::Bytes;
use footfall_proto::beacon::Event;
use footfall_proto::relay::{AdmittedEvent, Record, Visit};
use footfall_proto::traffic_source;
use prost::Message as _;

/// 2026-11-23 12:00:00 UTC: when the page views were seen, as their browser says.
pub const NOON_MS: i64 = 1_795_435_200_000;
/// A day, milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// A record of one site with `events` page views whose ids hold `number` and their index, received at this time, milliseconds since 1970.
/// `number` is below 2^56.
#[must_use]
pub fn record_of(website_id: &str, number: u64, events: u8, server_timestamp_ms: i64) -> Bytes {
    let events = (0..events).map(|index| page_view(number, index)).collect();
    let visit = Visit {
        ip_address: Bytes::copy_from_slice(&Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().octets()),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
        country: "GB".into(),
        city: "Boxford".into(),
        device_type: "desktop".into(),
        os: "Linux".into(),
        browser: "Firefox".into(),
        sample_rate: 1.0,
        ..Visit::default()
    };
    let record = Record {
        website_id: website_id.to_owned(),
        server_timestamp_ms,
        policy_id: 1,
        visit: Some(visit),
        events,
        tallies: Vec::new(),
        traffic_source_version: traffic_source::VERSION,
    };
    record.encode_to_vec().into()
}

/// The id of the page view with this index.
#[must_use]
pub fn event_id(number: u64, index: u8) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id[15] = index + 1;
    id
}

fn page_view(number: u64, index: u8) -> AdmittedEvent {
    let event_id = Bytes::copy_from_slice(&event_id(number, index));
    let event = Event {
        event_id: event_id.clone(),
        event_type: "pageview".into(),
        client_timestamp_ms: NOON_MS,
        page_url: format!("https://example.org/page/{}?n={number}", number % 50),
        page_title: "A page".into(),
        ..Event::default()
    };
    AdmittedEvent {
        event: event.encode_to_vec().into(),
        event_id,
        fingerprint: number * 256 + u64::from(index),
        user_id: format!("user-{}", number % 1000),
        session_id: format!("session-{}", number % 2000),
        page_path: format!("/page/{}", number % 50),
        traffic_source: "direct".into(),
        source_name: "direct".into(),
        source_known: true,
        ..AdmittedEvent::default()
    }
}
