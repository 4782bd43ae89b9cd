//! The live view in Redis, shared by every central. The only folder that knows its client.
//!
//! [`keys`] says what is where; [`writer`] writes, each change together with the position that it brings a key to; [`view`] reads and
//! [`watch`] looks again twice a second where somebody watches; [`answer`] keeps answers of reports; [`connection`] is the connection; [`rebuild`] empties and
//! counts.

mod answer;
mod changes;
mod connection;
mod keys;
mod rebuild;
mod script;
mod view;
mod watch;
mod writer;

use std::sync::Arc;

pub use connection::Options;
pub use rebuild::{MinuteCounts, lives, minute_counts};
pub use writer::Writer;

use super::{LiveError, Realtime, SourcePartition};
use connection::Connection;
use keys::Keys;
use watch::Watch;

/// The live view in Redis. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Redis {
    connection: Connection,
    keys: Arc<Keys>,
    watch: Watch,
}

impl Redis {
    /// Connects in the background, again and again. Needs a runtime to spawn on.
    #[must_use]
    pub fn open(options: Options) -> Self {
        let keys = Arc::new(Keys::new(&options.prefix));
        Self { connection: Connection::open(options), keys, watch: Watch::default() }
    }

    /// How records of `source` flow in.
    pub fn writer(&self, source: SourcePartition) -> Writer {
        Writer::new(self.clone(), source)
    }

    /// How the website looks at `now_ms`.
    pub(super) async fn snapshot(&self, website_id: &str, now_ms: i64) -> Result<Realtime, LiveError> {
        if let Some(seen) = self.watch.seen(website_id, now_ms) {
            return Ok(seen);
        }
        view::snapshot(&self.connection, &self.keys, website_id, now_ms).await
    }

    /// Changes whenever the website looks different.
    pub(super) fn subscribe(&self, website_id: &str) -> tokio::sync::watch::Receiver<u64> {
        self.watch.subscribe(self, website_id)
    }

    /// Waits until there is a connection.
    pub async fn ready(&self) {
        self.connection.ready().await;
    }

    /// What is wrong with the connection.
    pub fn fault(&self) -> Option<String> {
        self.connection.fault()
    }
}
