//! Writes a batch as objects, each once: what an attempt left there is what the next one would write under the same name.

use std::sync::Arc;

use bytes::Bytes;

use super::metrics::Metrics;
use super::name::Name;
use super::{Draft, object};
use crate::{Failure, Span, Writer};
use footfall_blobs::{Blobs, Created};
use footfall_log::Poison;

/// The raw log as a sink's store.
pub struct ObjectWriter {
    blobs: Blobs,
    incarnation: [u8; 16],
    partition: u32,
    metrics: Metrics,
    /// The batch that was packed last, and its objects that are not known to be there.
    packed: Option<(Span, Vec<(Name, Bytes)>)>,
}

impl ObjectWriter {
    /// ObjectWriter of this partition of this log.
    pub fn new(blobs: Blobs, incarnation: [u8; 16], partition: u32, metrics: Metrics) -> Self {
        Self { blobs, incarnation, partition, metrics, packed: None }
    }

    async fn pack(&self, draft: Arc<Draft>, span: Span) -> Vec<(Name, Bytes)> {
        let (incarnation, partition) = (self.incarnation, self.partition);
        let packing = tokio::task::spawn_blocking(move || {
            let hours = draft.hours.len() as u32;
            let object = |(hour, entries): (&_, &Vec<_>)| {
                let packed = object::pack(incarnation, partition, entries);
                let name = Name {
                    incarnation,
                    partition,
                    first: span.from,
                    last: span.next - 1,
                    hour: *hour,
                    hours,
                    count: packed.count,
                    crc32c: packed.crc32c,
                };
                (name, packed.bytes)
            };
            draft.hours.iter().map(object).collect()
        });
        packing.await.expect("packing does not panic")
    }
}

impl Writer for ObjectWriter {
    type Batch = Arc<Draft>;

    async fn write(&mut self, draft: &Arc<Draft>, span: Span) -> Result<Vec<Poison>, Failure> {
        if self.packed.as_ref().is_none_or(|(packed, _)| *packed != span) {
            self.packed = Some((span, self.pack(Arc::clone(draft), span).await));
        }
        let (_, objects) = self.packed.as_mut().expect("just packed");
        while let Some((name, bytes)) = objects.last() {
            let created = self.blobs.create(&name.to_string(), bytes.clone()).await;
            self.metrics.written(name.hour, name.count, bytes.len(), created? == Created::Already);
            objects.pop();
        }
        self.packed = None;
        Ok(Vec::new())
    }
}
