//! What is asked of whoever keeps the log: of the whole, of one partition, and of a reading of one partition. The rest of the room
//! knows these and neither of the backends.

use std::io;
use std::ops::Range;
use std::time::SystemTime;

use super::Refused;
use super::embedded;
use super::entry::{ReadError, Stretch};
use super::reader::Reader;

use bytes::Bytes;

/// Keeps the whole log.
pub(super) enum Backend {
    /// The journal in the data folder.
    Embedded(embedded::Whole),
}

/// Records on their way into the log, enveloped, each with its partition.
pub(super) type Placed = Vec<(u32, Bytes)>;

impl Backend {
    /// Queues records in their order; the answer comes once all of them are kept.
    pub(super) fn append(
        &self,
        placed: Placed,
    ) -> impl Future<Output = Result<(), Refused>> + Send + 'static + use<> {
        let Self::Embedded(whole) = self;
        whole.append(placed)
    }

    /// Bytes that wait for a sink.
    pub(super) fn waiting_bytes(&self) -> u64 {
        let Self::Embedded(whole) = self;
        whole.waiting_bytes()
    }

    /// Writes what is queued and stops. Blocks.
    pub(super) fn close(&self) {
        let Self::Embedded(whole) = self;
        whole.close();
    }
}

/// One partition as its backend keeps it.
pub(super) enum Origin {
    /// The journal in the data folder.
    Embedded(embedded::Origin),
}

#[allow(clippy::unused_async, clippy::unnecessary_wraps, reason = "a log that is a server has to be asked")]
impl Origin {
    /// One past the last entry, as far as is known without asking.
    pub(super) fn end(&self) -> u64 {
        let Self::Embedded(origin) = self;
        origin.end()
    }

    /// The first offset that is kept, and the one past the last.
    pub(super) async fn bounds(&self) -> io::Result<Range<u64>> {
        let Self::Embedded(origin) = self;
        Ok(origin.bounds())
    }

    /// The offset of the first entry kept at `at` or later, or somewhat before.
    pub(super) async fn seek_time(&self, at: SystemTime) -> io::Result<u64> {
        let Self::Embedded(origin) = self;
        Ok(origin.seek_time(at))
    }

    /// Reads entries from an offset on.
    pub(super) fn source(&self, from: u64) -> io::Result<Source> {
        let Self::Embedded(origin) = self;
        Ok(Source::Embedded(origin.source(from)))
    }

    /// The newest kept state of a reader at or below `position`.
    pub(super) async fn load(&self, position: u64) -> io::Result<Option<Reader>> {
        let Self::Embedded(origin) = self;
        origin.load(position).await
    }

    /// Keeps the state of a reader; `needed` is the lowest offset that a consumer still needs.
    pub(super) async fn save(&self, reader: Reader, needed: u64) -> (Reader, io::Result<()>) {
        let Self::Embedded(origin) = self;
        origin.save(reader, needed).await
    }

    /// The offset that a consumer committed, if it did.
    pub(super) fn committed(&self, consumer: &str) -> io::Result<Option<u64>> {
        let Self::Embedded(origin) = self;
        origin.committed(consumer)
    }

    /// Everything below `next` is in the consumer's store, everything below `needed` in all stores.
    pub(super) fn commit(&self, consumer: &'static str, next: u64, needed: u64) -> io::Result<()> {
        let Self::Embedded(origin) = self;
        origin.commit(consumer, next, needed)
    }
}

/// A reading of one partition, in order.
pub(super) enum Source {
    /// Of the journal in the data folder.
    Embedded(footfall_journal::Reader),
}

impl Source {
    /// The next entries, waiting for them if need be; together at most `max_bytes`, but for a single larger one. Cancel-safe.
    pub(super) async fn next(&mut self, max_bytes: usize) -> Result<Stretch, ReadError> {
        let Self::Embedded(reader) = self;
        embedded::next(reader, max_bytes).await
    }
}
