//! Events as rows of `events_local`. Mapping only: batches are cut in `batch`, delivered in `delivery`, run by `runner`.

use std::time::Instant;

use bytes::Bytes;
use footfall_proto::view::Event;

use super::batch::{Insert, Planner};
use super::delivery::Delivery;
use super::{Batcher, Begun, Counters, Failure, Sink, Span, Start, Writer};
use footfall_clickhouse::{Coordinate, EventStore, Ipv6, Millis, PartitionWriter, StoreError, Uuid};
use footfall_daemon::fault::Classify as _;
use footfall_log::{DecodedEvent, DecodedRecord, Poison, PoisonReason, RecordBatch};
use footfall_tables::events::{CUSTOM_COLUMNS, EVENTS, EventRow};

/// The widest times that `DateTime64(3)` holds: 1900 to 2299, milliseconds since 1970.
const CLIENT_TIMES_MS: (i64, i64) = (-2_208_988_800_000, 10_413_791_999_999);

/// Stores events in the event store.
pub struct ClickHouse {
    store: EventStore,
}

impl ClickHouse {
    /// In this one.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }
}

impl Sink for ClickHouse {
    const NAME: &'static str = "clickhouse";
    type Batcher = RowBatcher;
    type Writer = RowWriter;

    async fn begin(&self, start: Start) -> Result<Begun<RowBatcher, RowWriter>, Failure> {
        let Start { partition, counters, seed, .. } = start;
        let cursor = partition.consumer(Self::NAME).await?;
        let (incarnation, number) = (partition.incarnation().0, partition.number());
        let delivery =
            Delivery::new(self.store.partition_writer(&EVENTS, incarnation, number), partition.end(), seed);
        let (batcher, writer) = (RowBatcher::new(incarnation, number), RowWriter { delivery, counters });
        Ok(Begun { batcher, writer, cursor })
    }
}

/// Makes inserts.
pub struct RowBatcher {
    incarnation: Uuid,
    partition: u32,
    planner: Planner,
}

impl RowBatcher {
    /// Of rows of this partition of this log.
    pub fn new(incarnation: [u8; 16], partition: u32) -> Self {
        Self { incarnation: Uuid(incarnation), partition, planner: Planner::default() }
    }
}

impl Batcher for RowBatcher {
    type Batch = Vec<Insert>;

    fn add(&mut self, records: &RecordBatch, now: Instant) -> Option<RecordBatch> {
        for record in records.records() {
            for event in &record.events {
                let row = row(self.incarnation, self.partition, record, event);
                // All events of a record were received at once: either all of them have room, or none.
                if !self.planner.has_room(&row) {
                    return Some(records.rest(record.offset));
                }
                self.planner.add(&row, now);
            }
        }
        None
    }

    fn due(&self, backlog: u64) -> Option<Instant> {
        self.planner.due(backlog)
    }

    fn is_full(&self) -> bool {
        self.planner.is_full()
    }

    fn take(&mut self) -> Vec<Insert> {
        self.planner.take()
    }
}

/// Writes them.
pub struct RowWriter {
    delivery: Delivery<PartitionWriter>,
    counters: Counters,
}

impl Writer for RowWriter {
    type Batch = Vec<Insert>;

    async fn write(&mut self, inserts: &Vec<Insert>, span: Span) -> Result<Vec<Poison>, Failure> {
        self.delivery.table().ready().await;
        let delivered = self.delivery.deliver(inserts, span.from, span.next).await;
        self.counters.left_out.inc_by(std::mem::take(&mut self.delivery.left_out));
        self.counters.repaired.inc_by(std::mem::take(&mut self.delivery.repaired));
        let refused = delivered.map_err(|error| Failure {
            fault: error.fault(StoreError::fault),
            sentence: error.to_string(),
        })?;
        let poison = |place: Coordinate| {
            let row = inserts.iter().find_map(|insert| insert.row(place));
            let payload = row.map_or_else(Bytes::new, |row| row.chunks().concat().into());
            Poison { offset: place.offset, index: Some(place.index), reason: PoisonReason::Refused, payload }
        };
        self.counters.inserts.inc_by(inserts.len() as u64);
        self.counters.rows.inc_by(inserts.iter().map(|insert| insert.rows().len() as u64).sum());
        Ok(refused.into_iter().map(poison).collect())
    }
}

/// The row of one event.
fn row<'a>(
    incarnation: Uuid,
    partition: u32,
    record: &DecodedRecord<'a>,
    read: &DecodedEvent<'a>,
) -> EventRow<'a> {
    let (visit, admitted, event) = (&record.visit, &read.admitted, &read.event);
    EventRow {
        event_id: Uuid(read.event_id),
        website_id: record.website_id,
        session_id: admitted.session_id,
        user_id: admitted.user_id,
        event_type: event.event_type,
        event_category: event.event_category,
        event_action: event.event_action,
        event_label: event.event_label,
        event_value: finite(event.event_value).unwrap_or_default(),
        client_timestamp: Millis(client_time(event.client_timestamp_ms, record.server_timestamp_ms)),
        server_timestamp: Millis(record.server_timestamp_ms),
        page_url: event.page_url,
        page_title: event.page_title,
        page_referrer: event.page_referrer,
        page_path: admitted.page_path,
        page_view_id: page_view(read),
        engagement_ms: event.engagement_ms,
        scroll_depth: event.scroll_depth.min(100) as u8,
        ip_address: Ipv6(visit.ip_address.try_into().unwrap_or_default()),
        user_agent: visit.user_agent,
        country: visit.country,
        region: visit.region,
        city: visit.city,
        latitude: visit.latitude,
        longitude: visit.longitude,
        device_type: visit.device_type,
        device_brand: visit.device_brand,
        device_model: visit.device_model,
        os: visit.os,
        os_version: visit.os_version,
        browser: visit.browser,
        browser_version: visit.browser_version,
        screen_resolution: visit.screen_resolution,
        traffic_source: admitted.traffic_source,
        source_name: admitted.source_name,
        traffic_medium: admitted.traffic_medium,
        traffic_campaign: admitted.traffic_campaign,
        traffic_keyword: admitted.traffic_keyword,
        traffic_content: admitted.traffic_content,
        source_known: u8::from(admitted.source_known),
        traffic_source_version: record.traffic_source_version,
        transaction_id: event.transaction_id,
        transaction_revenue: finite(event.transaction_revenue),
        transaction_tax: finite(event.transaction_tax),
        transaction_shipping: finite(event.transaction_shipping),
        product_sku: event.product_sku,
        product_name: event.product_name,
        product_category: event.product_category,
        product_price: finite(event.product_price),
        product_quantity: event.product_quantity,
        custom_dimension: dimensions(event),
        custom_metric: metrics(event),
        is_bot: u8::from(visit.is_bot),
        is_duplicate: u8::from(read.duplicate),
        sdk_version: visit.sdk_version,
        sample_rate: if visit.sample_rate > 0.0 && visit.sample_rate <= 1.0 {
            visit.sample_rate
        } else {
            1.0
        },
        log_incarnation: incarnation,
        log_partition: partition,
        log_offset: record.offset,
        log_index: read.index,
        edge_id: record.edge_id,
        epoch: Uuid(record.epoch),
        edge_offset: record.edge_offset,
        policy_id: record.policy_id,
    }
}

/// A sum that holds one value that is no number is no number.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// The client's time, or the edge's where the client said nothing.
fn client_time(client_ms: i64, server_ms: i64) -> i64 {
    let (earliest, latest) = CLIENT_TIMES_MS;
    if client_ms == 0 { server_ms } else { client_ms.clamp(earliest, latest) }
}

/// The page view that an event belongs to; a page view belongs to itself.
fn page_view(read: &DecodedEvent<'_>) -> Uuid {
    match read.event.page_view_id.try_into() {
        Ok(id) => Uuid(id),
        Err(_) if read.event.event_type == "pageview" => Uuid(read.event_id),
        Err(_) => Uuid::default(),
    }
}

fn slot(number: u32) -> Option<usize> {
    (number as usize).checked_sub(1).filter(|slot| *slot < CUSTOM_COLUMNS)
}

fn dimensions<'a>(event: &Event<'a>) -> [&'a str; CUSTOM_COLUMNS] {
    let mut slots = [""; CUSTOM_COLUMNS];
    for entry in &event.custom_dimensions {
        if let Some(slot) = slot(entry.number) {
            slots[slot] = entry.value;
        }
    }
    slots
}

fn metrics(event: &Event<'_>) -> [f64; CUSTOM_COLUMNS] {
    let mut slots = [0.0; CUSTOM_COLUMNS];
    for entry in &event.custom_metrics {
        if let Some(slot) = slot(entry.number) {
            slots[slot] = finite(Some(entry.value)).unwrap_or_default();
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::view::{AdmittedEvent, Dimension, Metric, Visit};

    /// 2026-11-23 09:00:00 UTC.
    const NOON_MS: i64 = 1_795_424_400_000;

    fn read(event: Event<'_>) -> DecodedEvent<'_> {
        let admitted = AdmittedEvent { page_path: "/a", user_id: "u", ..AdmittedEvent::default() };
        DecodedEvent { index: 3, event_id: [4; 16], admitted, event, duplicate: true }
    }

    fn record(visit: Visit<'_>) -> DecodedRecord<'_> {
        DecodedRecord {
            offset: 77,
            edge_id: "edge-1",
            epoch: [5; 16],
            edge_offset: 9,
            website_id: "site",
            server_timestamp_ms: NOON_MS,
            policy_id: 2,
            traffic_source_version: 1,
            visit,
            events: Vec::new(),
            tallies: Vec::new(),
        }
    }

    #[test]
    fn a_row_says_what_happened_and_where_it_stands_in_the_log() {
        let event = Event {
            event_type: "transaction",
            event_value: Some(2.5),
            transaction_id: Some("T-1"),
            product_quantity: Some(0),
            page_view_id: &[8; 16],
            custom_dimensions: [(1, "earlier"), (1, "first"), (20, "last"), (0, "no"), (21, "no")]
                .map(|(number, value)| Dimension { number, value })
                .to_vec(),
            custom_metrics: [(2, 7.0), (u32::MAX, 1.0)]
                .map(|(number, value)| Metric { number, value })
                .to_vec(),
            ..Event::default()
        };
        let (record, read) =
            (record(Visit { sample_rate: 0.5, is_bot: true, ..Visit::default() }), read(event));
        let row = row(Uuid([1; 16]), 6, &record, &read);
        assert_eq!(
            (row.website_id, row.page_path, row.event_type, row.event_value),
            ("site", "/a", "transaction", 2.5)
        );
        assert_eq!(
            (row.transaction_id, row.transaction_revenue, row.product_quantity),
            (Some("T-1"), None, Some(0))
        );
        assert_eq!(
            (row.custom_dimension[0], row.custom_dimension[19], row.custom_metric[1]),
            ("first", "last", 7.0)
        );
        assert_eq!((row.is_bot, row.is_duplicate, row.sample_rate), (1, 1, 0.5));
        assert_eq!((row.log_partition, row.log_offset, row.log_index, row.edge_offset), (6, 77, 3, 9));
        assert_eq!(
            (row.event_id, row.page_view_id, row.epoch),
            (Uuid([4; 16]), Uuid([8; 16]), Uuid([5; 16]))
        );
    }

    #[test]
    fn what_no_table_should_hold_is_put_right() {
        let event = Event {
            event_value: Some(f64::NAN),
            transaction_revenue: Some(f64::INFINITY),
            scroll_depth: 4_000,
            client_timestamp_ms: i64::MAX,
            custom_metrics: vec![Metric { number: 1, value: f64::NEG_INFINITY }],
            ..Event::default()
        };
        let (record, read) = (record(Visit { sample_rate: f64::NAN, ..Visit::default() }), read(event));
        let row = row(Uuid::default(), 0, &record, &read);
        assert_eq!((row.event_value, row.transaction_revenue, row.custom_metric[0]), (0.0, None, 0.0));
        assert_eq!((row.scroll_depth, row.sample_rate, row.ip_address), (100, 1.0, Ipv6([0; 16])));
        assert_eq!(row.client_timestamp, Millis(CLIENT_TIMES_MS.1));
    }

    #[test]
    fn where_the_client_said_nothing_the_edge_is_believed() {
        let (record, read) =
            (record(Visit::default()), read(Event { event_type: "pageview", ..Event::default() }));
        let row = row(Uuid::default(), 0, &record, &read);
        assert_eq!(row.client_timestamp, Millis(NOON_MS));
        assert_eq!(row.page_view_id, Uuid([4; 16]), "a page view belongs to itself");
    }
}
