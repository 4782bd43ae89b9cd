//! The live view in Redis, shared by every central. The only folder that knows its client.
//!
//! [`keys`] says what is where; [`inlet`] writes, each change together with the position that it brings a key to; [`view`] reads and
//! [`watch`] looks again twice a second where somebody watches; [`answer`] keeps answers of reports; [`link`] is the connection; [`rebuild`] empties and
//! counts.

mod answer;
mod changes;
mod inlet;
mod keys;
mod link;
mod rebuild;
mod script;
mod view;
mod watch;

use std::sync::Arc;

pub use inlet::Inlet;
pub use link::Options;
pub use rebuild::{Tally, lives, tally};

use super::{LiveError, Realtime, Source};
use keys::Keys;
use link::Link;
use watch::Watch;

/// The live view in Redis. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Redis {
    link: Link,
    keys: Arc<Keys>,
    watch: Watch,
}

impl Redis {
    /// Connects in the background, again and again. Needs a runtime to spawn on.
    #[must_use]
    pub fn open(options: Options) -> Self {
        let keys = Arc::new(Keys::new(&options.prefix));
        Self { link: Link::open(options), keys, watch: Watch::default() }
    }

    /// How records of `source` flow in.
    pub fn inlet(&self, source: Source) -> Inlet {
        Inlet::new(self.clone(), source)
    }

    /// How the website looks at `now_ms`.
    pub(super) async fn snapshot(&self, website_id: &str, now_ms: i64) -> Result<Realtime, LiveError> {
        if let Some(seen) = self.watch.seen(website_id, now_ms) {
            return Ok(seen);
        }
        view::snapshot(&self.link, &self.keys, website_id, now_ms).await
    }

    /// Changes whenever the website looks different.
    pub(super) fn subscribe(&self, website_id: &str) -> tokio::sync::watch::Receiver<u64> {
        self.watch.subscribe(self, website_id)
    }

    /// Waits until there is a connection.
    pub async fn ready(&self) {
        self.link.ready().await;
    }

    /// What is wrong with the connection.
    pub fn fault(&self) -> Option<String> {
        self.link.fault()
    }
}
