//! Events as rows of Druid's topic `page_views`. A page view is a row with its dimensions and who looked; what comes later of a page's minute
//! (engagement) adds to the row of the same dimensions; that somebody was there at all, without a page view, is a row of the website alone, so
//! that visitors of a period are counted among all its events and visitors of a page among its page views.
//!
//! Druid has no weights and no column for bots: events of bots and of websites that keep a share of their events are left out, and questions
//! about them are refused.

use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_druid::Row;
use footfall_log::kafka::RowTopic;
use footfall_log::{DecodedEvent, DecodedRecord, Poison, RecordBatch};

use super::{Batcher, Begun, Counters, Failure, Sink, Span, Start, Writer};

/// Rows of one transaction at most, and how long the first of them waits.
const MAX_ROWS: usize = 20_000;
const WAIT: Duration = Duration::from_millis(200);

/// Writes rows for Druid.
pub struct Druid {
    kafka: std::sync::Arc<footfall_log::kafka::Options>,
    topic: String,
}

impl Druid {
    /// Into this topic of this Kafka.
    pub fn new(kafka: footfall_log::kafka::Options, topic: String) -> Self {
        Self { kafka: std::sync::Arc::new(kafka), topic }
    }
}

impl Sink for Druid {
    const NAME: &'static str = "druid";
    type Batcher = RowBatcher;
    type Writer = RowWriter;

    async fn begin(&self, start: Start) -> Result<Begun<RowBatcher, RowWriter>, Failure> {
        let Start { partition, committed, counters, .. } = start;
        let (number, incarnation) = (partition.number(), partition.incarnation());
        let kafka = std::sync::Arc::clone(&self.kafka);
        let mut topic = RowTopic::new(kafka, self.topic.clone(), number, incarnation);
        let written = topic.begin().await.map_err(Failure::transient)?;
        // Records without rows are committed and leave no position.
        let next = written.map_or(committed, |next| next.max(committed));
        let cursor = partition.consumer_at(Self::NAME, next).await?;
        let writer = RowWriter { topic, counters, next };
        Ok(Begun { batcher: RowBatcher::default(), writer, cursor })
    }
}

/// A row, and the offset of the record that it comes from.
pub type Placed = (u64, Bytes);

/// Collects rows.
#[derive(Debug, Default)]
pub struct RowBatcher {
    rows: Vec<Placed>,
    /// When the first record came that is not written, whether it made a row or not.
    since: Option<Instant>,
}

impl Batcher for RowBatcher {
    type Batch = Vec<Placed>;

    fn add(&mut self, records: &RecordBatch, now: Instant) -> Option<RecordBatch> {
        for record in records.records() {
            if self.rows.len() >= MAX_ROWS {
                return Some(records.rest(record.offset));
            }
            self.since.get_or_insert(now);
            let rows = record.events.iter().flat_map(|event| rows(record, event)).flatten();
            self.rows.extend(rows.map(|row| (record.offset, encode(&row))));
        }
        None
    }

    fn due(&self, backlog: u64) -> Option<Instant> {
        let wait = if backlog > 0 { Duration::ZERO } else { WAIT };
        Some(self.since.filter(|_| !self.rows.is_empty())? + wait)
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= MAX_ROWS
    }

    fn take(&mut self) -> Vec<Placed> {
        std::mem::take(self).rows
    }
}

/// Writes them.
pub struct RowWriter {
    topic: RowTopic,
    counters: Counters,
    /// The offset that follows what is in the topic.
    next: u64,
}

impl Writer for RowWriter {
    type Batch = Vec<Placed>;

    async fn write(&mut self, rows: &Vec<Placed>, span: Span) -> Result<Vec<Poison>, Failure> {
        if !self.topic.is_begun() {
            let written = self.topic.begin().await.map_err(Failure::transient)?;
            self.next = written.map_or(self.next, |next| next.max(self.next));
        }
        // After an unknown outcome all of it may be there.
        let rows: Vec<&Bytes> =
            rows.iter().filter(|(offset, _)| *offset >= self.next).map(|(_, row)| row).collect();
        if span.next > self.next {
            self.topic.write(&rows, span.next).await.map_err(Failure::transient)?;
            self.next = span.next;
            self.counters.inserts.inc();
            self.counters.rows.inc_by(rows.len() as u64);
        }
        Ok(Vec::new())
    }
}

/// The rows of one event: none, one or two.
fn rows<'a>(record: &DecodedRecord<'a>, read: &DecodedEvent<'a>) -> [Option<Row<'a>>; 2] {
    let (visit, admitted, event) = (&record.visit, &read.admitted, &read.event);
    let is_sampled = visit.sample_rate > 0.0 && visit.sample_rate < 1.0;
    if read.duplicate || visit.is_bot || is_sampled {
        return [None, None];
    }
    let here = Row { timestamp: record.server_timestamp_ms, website_id: record.website_id, ..Row::default() };
    let page = Row {
        page_path: admitted.page_path,
        page_title: event.page_title,
        country: visit.country,
        region: visit.region,
        city: visit.city,
        device_type: visit.device_type,
        browser: visit.browser,
        os: visit.os,
        traffic_source: admitted.traffic_source,
        traffic_medium: admitted.traffic_medium,
        traffic_campaign: admitted.traffic_campaign,
        time_on_page: f64::from(event.engagement_ms) / 1000.0,
        ..here.clone()
    };
    let (user_id, session_id) = (Some(admitted.user_id), Some(admitted.session_id));
    if event.event_type == "pageview" {
        return [Some(Row { user_id, session_id, pageviews: 1, ..page }), None];
    }
    let engagement = (event.engagement_ms > 0).then_some(page);
    [Some(Row { user_id, session_id, ..here }), engagement]
}

fn encode(row: &Row<'_>) -> Bytes {
    serde_json::to_vec(row).expect("texts and finite numbers are JSON").into()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use footfall_proto::beacon::Event;
    use footfall_proto::relay::{AdmittedEvent, Record, Visit};
    use footfall_proto::traffic_source;
    use prost::Message as _;
    use serde_json::{Value, json};

    const AT_MS: i64 = 1_796_083_200_000;

    fn event(number: u8, event_type: &str, engagement_ms: u32) -> AdmittedEvent {
        let event = Event {
            event_id: vec![number; 16].into(),
            event_type: event_type.to_owned(),
            page_title: "Books".to_owned(),
            engagement_ms,
            ..Event::default()
        };
        AdmittedEvent {
            event: event.encode_to_vec().into(),
            event_id: vec![number; 16].into(),
            user_id: "user".to_owned(),
            session_id: "session".to_owned(),
            page_path: "/books".to_owned(),
            traffic_source: "organic".to_owned(),
            ..AdmittedEvent::default()
        }
    }

    fn record(visit: Visit, events: Vec<AdmittedEvent>) -> Bytes {
        let visit = Some(Visit { country: "DE".to_owned(), browser: "Firefox".to_owned(), ..visit });
        let record = Record {
            website_id: "shop".to_owned(),
            server_timestamp_ms: AT_MS,
            visit,
            events,
            traffic_source_version: traffic_source::VERSION,
            ..Record::default()
        };
        record.encode_to_vec().into()
    }

    async fn rows_of(records: Vec<Bytes>) -> (Vec<Value>, RowBatcher) {
        let dir = tempfile::tempdir().expect("a folder");
        let log = sample::open_log(dir.path()).await;
        sample::send(&log, 0, records).await;
        let mut cursor = sample::only(&log).observer_at("test", 0).await.expect("a cursor");
        let (mut batcher, now) = (RowBatcher::default(), Instant::now());
        let batch = cursor.next().await.expect("records");
        assert!(batcher.add(&batch, now).is_none());
        log.close();
        let rows = batcher.rows.iter().map(|(_, row)| serde_json::from_slice(row).expect("JSON")).collect();
        (rows, batcher)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_view_is_a_row_and_what_comes_later_adds_to_its_page_without_a_visitor() {
        let events = vec![event(1, "pageview", 0), event(2, "engagement", 2500), event(3, "click", 0)];
        let whole = Visit { sample_rate: 1.0, ..Visit::default() };
        // One that is sent twice counts once.
        let again = record(whole.clone(), vec![event(1, "pageview", 0)]);
        let (rows, batcher) = rows_of(vec![record(whole, events), again]).await;
        let of = |row: &Value| {
            let fields =
                ["timestamp", "website_id", "page_path", "browser", "user_id", "pageviews", "time_on_page"];
            fields.map(|field| row[field].clone())
        };
        let seen: Vec<_> = rows.iter().map(of).collect();
        let row = |page: &str, browser: &str, user: Value, views: u8, time: f64| {
            [json!(AT_MS), json!("shop"), json!(page), json!(browser), user, json!(views), json!(time)]
        };
        assert_eq!(
            seen,
            [
                row("/books", "Firefox", json!("user"), 1, 0.0),
                row("", "", json!("user"), 0, 0.0),
                row("/books", "Firefox", Value::Null, 0, 2.5),
                row("", "", json!("user"), 0, 0.0),
            ]
        );
        assert_eq!(
            (&rows[0]["page_title"], &rows[0]["traffic_source"]),
            (&json!("Books"), &json!("organic"))
        );
        assert!(batcher.due(0).is_some() && batcher.due(1) < batcher.due(0), "a backlog does not wait");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bots_and_websites_that_keep_a_share_have_no_rows_and_nothing_is_due() {
        let view = || vec![event(fastrand::u8(1..), "pageview", 0)];
        let bot = Visit { is_bot: true, sample_rate: 1.0, ..Visit::default() };
        let sampled = Visit { sample_rate: 0.25, ..Visit::default() };
        let (rows, batcher) = rows_of(vec![record(bot, view()), record(sampled, view())]).await;
        assert!(rows.is_empty() && batcher.due(0).is_none(), "{rows:?}");
    }
}
