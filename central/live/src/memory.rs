//! The live view in this process. Pure: time is an argument.
//!
//! [`Memory`] is the handle that the sink fills and the API reads; [`window`] holds one website's minutes, [`visitors`] who is there
//! now, [`ranking`] the bounded counts.

mod ranking;
mod visitors;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{LiveEvent, Realtime, SourcePartition};
use window::{Limits, Window};

/// Most websites kept at once; beyond them the one that was quiet for longest is forgotten.
const MAX_WEBSITES: usize = 10_000;

/// The live view of all websites. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The offset after the last one counted: what makes a redelivered batch change nothing.
    positions: HashMap<SourcePartition, u64>,
    websites: HashMap<String, Website>,
}

#[derive(Debug)]
struct Website {
    window: Window,
    /// Counts changes; its receivers are the open streams.
    changes: watch::Sender<u64>,
}

impl Memory {
    /// An empty view.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The offset after the last one counted; none when none was.
    pub(super) fn next(&self, source: SourcePartition) -> Option<u64> {
        self.lock().positions.get(&source).copied()
    }

    /// Counts the events below the offset `next` that were not counted before.
    pub fn apply(&self, source: SourcePartition, next: u64, events: &[LiveEvent<'_>]) {
        let mut shared = self.lock();
        let counted = shared.positions.get(&source).copied().unwrap_or(0);
        shared.positions.insert(source, counted.max(next));
        let fresh = &events[events.partition_point(|event| event.offset < counted)..];
        // LiveEvents of one batch are of few websites and mostly in runs: one wake-up per run is enough.
        for run in fresh.chunk_by(|a, b| a.website_id == b.website_id) {
            let website = shared.website(run[0].website_id);
            for event in run {
                website.window.add(event);
            }
            website.changes.send_modify(|version| *version += 1);
        }
    }

    /// How the website looks at `now_ms` (milliseconds since 1970).
    #[must_use]
    pub fn snapshot(&self, website_id: &str, now_ms: i64) -> Realtime {
        match self.lock().websites.get_mut(website_id) {
            Some(website) => website.window.snapshot(now_ms),
            None => Window::new(Limits::DEFAULT).snapshot(now_ms),
        }
    }

    /// Changes whenever the website has new events. Ends (with an error on the receiver) if the website is forgotten.
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
