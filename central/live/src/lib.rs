//! The last hour of every website, for the live page, and answers kept for a few seconds. Two backends with one face: [`Memory`], which
//! is gone with the process, and [`Redis`], which several centrals share. Reads no log and knows no HTTP.
//!
//! An [`LiveWriter`] is how one partition of the log flows in, each record once; [`Live::snapshot`] and [`Live::subscribe`] are how the API
//! looks; [`Live::answers`] keeps the answers of reports.

mod answers;
pub mod memory;
mod realtime;
pub mod redis;

use tokio::sync::watch;

pub use answers::Answers;
pub use memory::Memory;
pub use realtime::{Ranked, Ranking, Realtime, SERIES_MINUTES};
pub use redis::Redis;

/// How far back an writer has to begin when nothing of its partition is there: the view's hour and the time by which records may be
/// late. Minutes.
pub const WINDOW_MINUTES: u64 = 65;

/// One stored event, as far as the live page is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveEvent<'a> {
    /// Offset in the log of the record that it came in. Events of one record share it.
    pub offset: u64,
    /// Whose event it is.
    pub website_id: &'a str,
    /// The edge's receipt time, milliseconds since 1970.
    pub at_ms: i64,
    /// Whether it counts as a page view. Every event shows that its visitor is there.
    pub page_view: bool,
    /// Who was seen; where it is empty the session stands for the visitor.
    pub user_id: &'a str,
    /// The visitor's session.
    pub session_id: &'a str,
    /// The page, without host and query.
    pub page_path: &'a str,
    /// Who sent the visit; empty where it is not known.
    pub source: &'a str,
    /// The class of the visit's traffic source.
    pub channel: &'a str,
    /// ISO 3166 code.
    pub country: &'a str,
    /// desktop, mobile or tablet.
    pub device_type: &'a str,
}

impl<'a> LiveEvent<'a> {
    /// Who was seen.
    fn visitor(&self) -> &'a str {
        if self.user_id.is_empty() { self.session_id } else { self.user_id }
    }
}

/// One partition of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourcePartition {
    /// The log's own random name.
    pub incarnation: [u8; 16],
    /// Which of its partitions.
    pub partition: u32,
}

/// Where the live view rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Options {
    /// In this process.
    Memory,
    /// In Redis.
    Redis(redis::Options),
}

/// The live view of all websites. Clones share it.
#[derive(Clone, Debug)]
pub enum Live {
    /// In this process.
    Memory(Memory),
    /// In Redis.
    Redis(Redis),
}

impl Live {
    /// Opens it; a Redis that does not answer is asked again in the background. Needs a runtime to spawn on.
    #[must_use]
    pub fn open(options: Options) -> Self {
        match options {
            Options::Memory => Self::Memory(Memory::new()),
            Options::Redis(options) => Self::Redis(Redis::open(options)),
        }
    }

    /// Waits until there is somebody to read from and to write to.
    pub async fn ready(&self) {
        if let Self::Redis(redis) = self {
            redis.ready().await;
        }
    }

    /// How records of `source` flow in.
    #[must_use]
    pub fn writer(&self, source: SourcePartition) -> LiveWriter {
        match self {
            Self::Memory(memory) => LiveWriter::Memory(memory.clone(), source),
            Self::Redis(redis) => LiveWriter::Redis(redis.writer(source)),
        }
    }

    /// How the website looks at `now_ms` (milliseconds since 1970).
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn snapshot(&self, website_id: &str, now_ms: i64) -> Result<Realtime, LiveError> {
        match self {
            Self::Memory(memory) => Ok(memory.snapshot(website_id, now_ms)),
            Self::Redis(redis) => redis.snapshot(website_id, now_ms).await,
        }
    }

    /// Changes whenever the website has new events. Ends (with an error on the receiver) if the website is forgotten.
    #[must_use]
    pub fn subscribe(&self, website_id: &str) -> watch::Receiver<u64> {
        match self {
            Self::Memory(memory) => memory.subscribe(website_id),
            Self::Redis(redis) => redis.subscribe(website_id),
        }
    }

    /// Answers of reports, kept for a few seconds.
    #[must_use]
    pub fn answers(&self) -> Answers {
        match self {
            Self::Memory(_) => Answers::memory(),
            Self::Redis(redis) => Answers::Redis(redis.clone()),
        }
    }

    /// Forgets what no snapshot at or after `now_ms` shows, so that quiet websites cost nothing. To be called now and then.
    pub fn expire(&self, now_ms: i64) {
        if let Self::Memory(memory) = self {
            memory.expire(now_ms);
        }
    }

    /// What is wrong with the place where it rests, in one sentence.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Memory(_) => None,
            Self::Redis(redis) => redis.fault(),
        }
    }
}

/// How one partition flows in: whatever is given twice is counted once.
#[derive(Debug)]
pub enum LiveWriter {
    /// In this process.
    Memory(Memory, SourcePartition),
    /// In Redis.
    Redis(redis::Writer),
}

impl LiveWriter {
    /// Waits until there is somebody to write to.
    pub async fn ready(&self) {
        if let Self::Redis(writer) = self {
            writer.ready().await;
        }
    }

    /// The offset to go on with; none when nothing is known of this partition (or what was is gone): the last [`WINDOW_MINUTES`] have to
    /// be read again, after [`LiveWriter::restart`].
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn begin(&mut self) -> Result<Option<u64>, LiveError> {
        match self {
            Self::Memory(memory, source) => Ok(memory.next(*source)),
            Self::Redis(writer) => writer.begin().await,
        }
    }

    /// Begins at the offset `from`, as if nothing had ever been counted.
    ///
    /// # Errors
    /// [`LiveError`]; after [`LiveError::Lost`] somebody else has begun, so ask [`LiveWriter::begin`] again.
    pub async fn restart(&mut self, from: u64, now_ms: i64) -> Result<(), LiveError> {
        match self {
            Self::Memory(..) => Ok(()),
            Self::Redis(writer) => writer.restart(from, now_ms).await,
        }
    }

    /// Counts events in the order of the log, all of the log below `next` that was not counted before. One of the two above comes first.
    ///
    /// # Errors
    /// [`LiveError`]; the same events may be given again. After [`LiveError::Lost`] begin anew.
    pub async fn apply(&mut self, next: u64, events: &[LiveEvent<'_>], now_ms: i64) -> Result<(), LiveError> {
        match self {
            Self::Memory(memory, source) => {
                memory.apply(*source, next, events);
                Ok(())
            }
            Self::Redis(writer) => writer.apply(next, events, now_ms).await,
        }
    }
}

/// Why the live view cannot be read or written. Each is transient: what a person has mended goes on by itself.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LiveError {
    /// The server does not answer, or refuses; the sentence names it and says what to do.
    #[error("{0}")]
    Away(String),
    /// What was written is gone: the server was emptied or restored, or somebody else has begun anew.
    #[error("what Redis held of this partition is gone")]
    Lost,
}
