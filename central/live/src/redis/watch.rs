//! Looks again twice a second at each website that somebody watches, once for all who do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::{Redis, view};
use crate::Realtime;

/// From one look to the next.
const PACE: Duration = Duration::from_millis(500);
/// A look that is no older than this is good enough for whoever asks once, milliseconds.
const FRESH_MS: i64 = 1000;

/// The websites that are watched. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    websites: Arc<Mutex<HashMap<String, Watched>>>,
}

#[derive(Debug)]
struct Watched {
    /// Counts changes; its receivers are the open streams.
    changes: watch::Sender<u64>,
    seen: Option<Realtime>,
}

impl Watch {
    /// How the website looked a moment ago, if somebody watches it.
    pub(super) fn seen(&self, website_id: &str, now_ms: i64) -> Option<Realtime> {
        let seen = self.lock().get(website_id)?.seen.clone()?;
        (0..=FRESH_MS).contains(&(now_ms - seen.at_ms)).then_some(seen)
    }

    /// Changes whenever the website looks different.
    pub(super) fn subscribe(&self, redis: &Redis, website_id: &str) -> watch::Receiver<u64> {
        let mut websites = self.lock();
        if let Some(watched) = websites.get(website_id) {
            return watched.changes.subscribe();
        }
        let (changes, receiver) = watch::channel(0);
        websites.insert(website_id.to_owned(), Watched { changes, seen: None });
        tokio::spawn(look(redis.clone(), website_id.to_owned()));
        receiver
    }

    /// Notes how the website looks; `false` when nobody watches any more, and it is forgotten.
    fn note(&self, website_id: &str, look: Option<Realtime>) -> bool {
        let mut websites = self.lock();
        let Some(watched) = websites.get_mut(website_id) else { return false };
        if watched.changes.receiver_count() == 0 {
            websites.remove(website_id);
            return false;
        }
        if let Some(look) = look {
            let same = watched
                .seen
                .as_ref()
                .is_some_and(|seen| Realtime { at_ms: look.at_ms, ..seen.clone() } == look);
            watched.seen = Some(look);
            if !same {
                watched.changes.send_modify(|version| *version += 1);
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Watched>> {
        self.websites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(redis: Redis, website_id: String) {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        // A server that is away is told of by the connection; whoever watches sees the last look until it is back.
        let look = view::snapshot(&redis.connection, &redis.keys, &website_id, now_ms).await.ok();
        if !redis.watch.note(&website_id, look) {
            return;
        }
    }
}
