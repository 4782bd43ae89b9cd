//! How the records of one edge get into the log, in their order and without a hole.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::backend::LogWriter;
use super::error::Refused;
use super::placement::{self, NewRecord};

/// Appends the records of one edge. It takes nothing more after the first failure: what follows would be in the log without what came
/// before.
pub struct Appender {
    edge_id: String,
    partitions: u32,
    writer: LogWriter,
    failed: Arc<AtomicBool>,
}

impl Appender {
    pub(super) fn new(edge_id: &str, partitions: u32, writer: LogWriter) -> Self {
        Self { edge_id: edge_id.to_owned(), partitions, writer, failed: Arc::default() }
    }

    /// Queues consecutive records. The answer comes once all of them are kept durably; answers come in the order of the calls. After a
    /// failure some may be there all the same: they are sent again, and recognised.
    ///
    /// # Errors
    /// [`Refused`], in the answer.
    pub fn append<R: Into<NewRecord> + 'static>(
        &mut self,
        epoch: Bytes,
        first_offset: u64,
        records: Vec<R>,
    ) -> impl Future<Output = Result<(), Refused>> + Send + 'static + use<R> {
        let failed = Arc::clone(&self.failed);
        let records = records.into_iter().map(Into::into).collect();
        let pending = (!failed.load(Ordering::Acquire)).then(|| {
            let placed = placement::envelop(&self.edge_id, epoch, first_offset, records, self.partitions);
            self.writer.append(placed, &failed)
        });
        async move {
            let Some(pending) = pending else {
                return Err(Refused::Unavailable("what came before was not taken".into()));
            };
            let answer = pending.await;
            failed.fetch_or(answer.is_err(), Ordering::AcqRel);
            answer
        }
    }

    /// Returns when nothing more can be appended this way, and says why: the edge has to connect again and to go on from its last
    /// acknowledgement.
    pub async fn closed(&self) -> String {
        self.writer.closed().await
    }
}
