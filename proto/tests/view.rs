//! A view reads what the generated message reads, field by field, and refuses what that refuses.

mod sample;

use std::collections::BTreeMap;

use bytes::Bytes;
use footfall_proto::beacon::Event;
use footfall_proto::relay::{AdmittedEvent, LogEntry, Record, Tally, Visit};
use footfall_proto::view::{self, View as _};
use proptest::prelude::*;
use prost::Message;

use sample::{events, text};

/// What the generated code would have made of it.
fn event(view: &view::Event<'_>) -> Event {
    Event {
        event_id: Bytes::copy_from_slice(view.event_id),
        event_type: view.event_type.into(),
        client_timestamp_ms: view.client_timestamp_ms,
        page_view_id: Bytes::copy_from_slice(view.page_view_id),
        page_url: view.page_url.into(),
        page_title: view.page_title.into(),
        page_referrer: view.page_referrer.into(),
        event_category: view.event_category.into(),
        event_action: view.event_action.into(),
        event_label: view.event_label.into(),
        event_value: view.event_value,
        engagement_ms: view.engagement_ms,
        scroll_depth: view.scroll_depth,
        traffic_source: view.traffic_source.into(),
        traffic_medium: view.traffic_medium.into(),
        traffic_campaign: view.traffic_campaign.into(),
        traffic_keyword: view.traffic_keyword.into(),
        traffic_content: view.traffic_content.into(),
        source_name: view.source_name.into(),
        transaction_id: view.transaction_id.map(Into::into),
        transaction_revenue: view.transaction_revenue,
        transaction_tax: view.transaction_tax,
        transaction_shipping: view.transaction_shipping,
        product_sku: view.product_sku.map(Into::into),
        product_name: view.product_name.map(Into::into),
        product_category: view.product_category.map(Into::into),
        product_price: view.product_price,
        product_quantity: view.product_quantity,
        custom_dimensions: view
            .custom_dimensions
            .iter()
            .map(|entry| (entry.number, entry.value.into()))
            .collect(),
        custom_metrics: view.custom_metrics.iter().map(|entry| (entry.number, entry.value)).collect(),
    }
}

fn visit(view: &view::Visit<'_>) -> Visit {
    Visit {
        ip_address: Bytes::copy_from_slice(view.ip_address),
        user_agent: view.user_agent.into(),
        country: view.country.into(),
        region: view.region.into(),
        city: view.city.into(),
        latitude: view.latitude,
        longitude: view.longitude,
        device_type: view.device_type.into(),
        device_brand: view.device_brand.into(),
        device_model: view.device_model.into(),
        os: view.os.into(),
        os_version: view.os_version.into(),
        browser: view.browser.into(),
        browser_version: view.browser_version.into(),
        screen_resolution: view.screen_resolution.into(),
        sdk_version: view.sdk_version.into(),
        is_bot: view.is_bot,
        sample_rate: view.sample_rate,
        language: view.language.into(),
        local_salt: view.local_salt,
        page_load_id: Bytes::copy_from_slice(view.page_load_id),
        viewport_width: view.viewport_width,
        viewport_height: view.viewport_height,
        timezone: view.timezone.into(),
    }
}

fn admitted(view: &view::AdmittedEvent<'_>) -> AdmittedEvent {
    AdmittedEvent {
        event: Bytes::copy_from_slice(view.event),
        event_id: Bytes::copy_from_slice(view.event_id),
        fingerprint: view.fingerprint.0,
        user_id: view.user_id.into(),
        session_id: view.session_id.into(),
        page_path: view.page_path.into(),
        traffic_source: view.traffic_source.into(),
        traffic_medium: view.traffic_medium.into(),
        traffic_campaign: view.traffic_campaign.into(),
        traffic_keyword: view.traffic_keyword.into(),
        note: view.note,
        source_name: view.source_name.into(),
        traffic_content: view.traffic_content.into(),
        source_known: view.source_known,
    }
}

fn record(view: &view::Record<'_>) -> Record {
    Record {
        website_id: view.website_id.into(),
        server_timestamp_ms: view.server_timestamp_ms,
        policy_id: view.policy_id,
        visit: Some(visit(&view.visit)),
        events: view.events.iter().map(admitted).collect(),
        tallies: view.tallies.iter().map(|view| Tally { reason: view.reason, count: view.count }).collect(),
        traffic_source_version: view.traffic_source_version,
    }
}

fn entry(view: &view::LogEntry<'_>) -> LogEntry {
    LogEntry {
        edge_id: view.edge_id.into(),
        epoch: Bytes::copy_from_slice(view.epoch),
        edge_offset: view.edge_offset,
        record: Bytes::copy_from_slice(view.record),
        parked: view.parked,
    }
}

/// An event as text that is the same for the same event: a map has no order, and a number that is no number equals itself here.
fn told(event: Event) -> String {
    let dimensions: BTreeMap<_, _> = event.custom_dimensions.iter().collect();
    let metrics: BTreeMap<_, _> = event.custom_metrics.iter().collect();
    let maps = format!("{dimensions:?} {metrics:?}");
    let rest = Event { custom_dimensions: BTreeMap::new(), custom_metrics: BTreeMap::new(), ..event };
    format!("{rest:?} {maps}")
}

fn visits() -> impl Strategy<Value = Visit> {
    let texts = prop::collection::vec(text(), 15);
    let numbers = (any::<f32>(), any::<f32>(), any::<f64>(), any::<u32>(), any::<u32>());
    (texts, numbers, any::<[u8; 16]>(), any::<bool>(), any::<bool>()).prop_map(
        |(texts, numbers, id, bot, salt)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().unwrap_or_default();
            Visit {
                ip_address: Bytes::copy_from_slice(&id),
                user_agent: text(),
                country: text(),
                region: text(),
                city: text(),
                latitude: numbers.0,
                longitude: numbers.1,
                device_type: text(),
                device_brand: text(),
                device_model: text(),
                os: text(),
                os_version: text(),
                browser: text(),
                browser_version: text(),
                screen_resolution: text(),
                sdk_version: text(),
                is_bot: bot,
                sample_rate: numbers.2,
                language: text(),
                local_salt: salt,
                page_load_id: Bytes::copy_from_slice(&id[..7]),
                viewport_width: numbers.3,
                viewport_height: numbers.4,
                timezone: text(),
            }
        },
    )
}

fn admitted_events() -> impl Strategy<Value = AdmittedEvent> {
    (events(), any::<u64>(), any::<i32>(), any::<bool>(), prop::collection::vec(text(), 9)).prop_map(
        |(event, fingerprint, note, source_known, texts)| AdmittedEvent {
            event_id: event.event_id.clone(),
            event: event.encode_to_vec().into(),
            fingerprint,
            user_id: texts[0].clone(),
            session_id: texts[1].clone(),
            page_path: texts[2].clone(),
            traffic_source: texts[3].clone(),
            traffic_medium: texts[4].clone(),
            traffic_campaign: texts[5].clone(),
            traffic_keyword: texts[6].clone(),
            note,
            source_name: texts[7].clone(),
            traffic_content: texts[8].clone(),
            source_known,
        },
    )
}

fn records() -> impl Strategy<Value = Record> {
    let tallies = prop::collection::vec((any::<i32>(), any::<u64>()), 0..3);
    (
        text(),
        any::<i64>(),
        any::<u64>(),
        visits(),
        prop::collection::vec(admitted_events(), 0..3),
        tallies,
        any::<u32>(),
    )
        .prop_map(|(website_id, server_timestamp_ms, policy_id, visit, events, tallies, version)| {
            Record {
                website_id,
                server_timestamp_ms,
                policy_id,
                visit: Some(visit),
                events,
                tallies: tallies.into_iter().map(|(reason, count)| Tally { reason, count }).collect(),
                traffic_source_version: version,
            }
        })
}

/// Damage to an encoding: bytes that change, bytes that come in between, an end that is missing, and the whole a second time.
#[derive(Clone, Debug)]
struct Damage {
    changed: Vec<(prop::sample::Index, u8)>,
    between: Option<(prop::sample::Index, Vec<u8>)>,
    cut: Option<prop::sample::Index>,
    twice: bool,
}

fn damage() -> impl Strategy<Value = Damage> {
    let changed = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let between = prop::option::of((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..5)));
    (changed, between, prop::option::weighted(0.2, any::<prop::sample::Index>()), any::<bool>())
        .prop_map(|(changed, between, cut, twice)| Damage { changed, between, cut, twice })
}

impl Damage {
    fn done_to(&self, mut encoded: Vec<u8>) -> Vec<u8> {
        if self.twice {
            encoded.extend_from_within(..);
        }
        if encoded.is_empty() {
            return encoded;
        }
        for (at, byte) in &self.changed {
            let at = at.index(encoded.len());
            encoded[at] = *byte;
        }
        if let Some((at, bytes)) = &self.between {
            let at = at.index(encoded.len());
            encoded.splice(at..at, bytes.iter().copied());
        }
        if let Some(cut) = &self.cut {
            encoded.truncate(cut.index(encoded.len()));
        }
        encoded
    }
}

/// Whether the view of these bytes says what the generated message says, of the whole way from the log's envelope to an event.
fn agrees(encoded: &[u8]) -> Result<(), TestCaseError> {
    let read = view::LogEntry::read(encoded).ok().map(|view| entry(&view));
    prop_assert_eq!(read, LogEntry::decode(encoded).ok());
    let read = view::Record::read(encoded).ok().map(|view| record(&view));
    let generated = Record::decode(encoded).ok().map(|mut record| {
        record.visit.get_or_insert_default();
        record
    });
    prop_assert_eq!(format!("{read:?}"), format!("{generated:?}"));
    // Whoever reads the whole record has read the same head: what the head refuses is no record.
    if let Some(record) = &read {
        let head = view::RecordHead::read(encoded).expect("a record has a head");
        let told = (record.website_id.as_str(), record.server_timestamp_ms, record.traffic_source_version);
        prop_assert_eq!((head.website_id, head.server_timestamp_ms, head.traffic_source_version), told);
    }
    let read = view::Event::read(encoded).ok().map(|view| told(event(&view)));
    prop_assert_eq!(read, Event::decode(encoded).ok().map(told));
    Ok(())
}

proptest! {
    #[test]
    fn an_event_is_read_in_place(event in events(), damage in damage()) {
        let encoded = event.encode_to_vec();
        let read = view::Event::read(&encoded).expect("just encoded");
        prop_assert_eq!(self::event(&read), event);
        agrees(&damage.done_to(encoded))?;
    }

    #[test]
    fn a_record_is_read_in_place(record in records(), damage in damage()) {
        let encoded = record.encode_to_vec();
        agrees(&encoded)?;
        agrees(&damage.done_to(encoded))?;
    }

    #[test]
    fn an_entry_is_read_in_place(edge_id in text(), epoch in any::<[u8; 16]>(), edge_offset in any::<u64>(), record in any::<[u8; 9]>(), parked in any::<i32>(), damage in damage()) {
        let encoded = LogEntry {
            edge_id,
            epoch: Bytes::copy_from_slice(&epoch),
            edge_offset,
            record: Bytes::copy_from_slice(&record),
            parked,
        }
        .encode_to_vec();
        agrees(&encoded)?;
        agrees(&damage.done_to(encoded))?;
    }

    #[test]
    fn rubbish_is_refused_by_both_or_by_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        agrees(&bytes)?;
    }
}
