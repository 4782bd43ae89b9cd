//! The last hour of every website, in memory, for the live page. Pure: time is an argument; it reads no log and keeps no file.
//!
//! [`Live`] is the handle that the sink fills and the API reads; [`window`] holds one website's minutes, [`visitors`] who is there
//! now, [`ranking`] the bounded counts.

mod ranking;
mod visitors;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use ranking::{Ranked, Ranking};
use window::{Limits, Window};
pub use window::{Realtime, SERIES_MINUTES};

/// Most websites kept at once; beyond them the one that was quiet for longest is forgotten.
const MAX_WEBSITES: usize = 10_000;

/// One stored event, as far as the live page is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting<'a> {
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
    /// Where the visit came from.
    pub source: &'a str,
    /// ISO 3166 code.
    pub country: &'a str,
    /// desktop, mobile or tablet.
    pub device_type: &'a str,
}

/// The live view of all websites. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Live {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Log offset of the last batch applied of each partition: what makes a redelivered batch change nothing.
    positions: HashMap<u32, u64>,
    websites: HashMap<String, Website>,
}

#[derive(Debug)]
struct Website {
    window: Window,
    /// Counts changes; its receivers are the open streams.
    changes: watch::Sender<u64>,
}

impl Live {
    /// An empty view.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the sightings of the batch at log offset `position` of a partition. A batch at or below the partition's last one was
    /// counted before: `false`.
    #[allow(
        clippy::must_use_candidate,
        reason = "whether it was counted before is of no concern to the sink"
    )]
    pub fn apply(&self, partition: u32, position: u64, sightings: &[Sighting<'_>]) -> bool {
        let mut shared = self.lock();
        if shared.positions.get(&partition).is_some_and(|last| position <= *last) {
            return false;
        }
        shared.positions.insert(partition, position);
        // Sightings of one batch are of few websites and mostly in runs: one wake-up per run is enough.
        for run in sightings.chunk_by(|a, b| a.website_id == b.website_id) {
            let website = shared.website(run[0].website_id);
            for sighting in run {
                website.window.add(sighting);
            }
            website.changes.send_modify(|version| *version += 1);
        }
        true
    }

    /// How the website looks at `now_ms` (milliseconds since 1970).
    #[must_use]
    pub fn snapshot(&self, website_id: &str, now_ms: i64) -> Realtime {
        match self.lock().websites.get_mut(website_id) {
            Some(website) => website.window.snapshot(now_ms),
            None => Window::new(Limits::DEFAULT).snapshot(now_ms),
        }
    }

    /// Changes whenever the website has new sightings. Ends (with an error on the receiver) if the website is forgotten.
    #[must_use]
    pub fn subscribe(&self, website_id: &str) -> watch::Receiver<u64> {
        self.lock().website(website_id).changes.subscribe()
    }

    /// Forgets what no snapshot at or after `now_ms` shows, so that quiet websites cost nothing. To be called now and then.
    pub fn expire(&self, now_ms: i64) {
        self.lock().websites.retain(|_, website| {
            website.window.expire(now_ms);
            !website.window.is_empty() || website.changes.receiver_count() > 0
        });
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic in between leaves counts that are at worst one event short, not broken ones.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn website(&mut self, website_id: &str) -> &mut Website {
        if !self.websites.contains_key(website_id) {
            if self.websites.len() >= MAX_WEBSITES {
                let quietest = self.websites.iter().min_by_key(|(_, website)| website.window.newest_minute());
                if let Some(id) = quietest.map(|(id, _)| id.clone()) {
                    self.websites.remove(&id);
                }
            }
            let website = Website { window: Window::new(Limits::DEFAULT), changes: watch::Sender::new(0) };
            self.websites.insert(website_id.to_owned(), website);
        }
        self.websites.get_mut(website_id).expect("it was inserted if it was missing")
    }
}

#[cfg(test)]
mod tests;
