//! The recognition of an event that came twice, over the last records of the log. Pure, bounded, keyed by the log's incarnation.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// Records over which a repeat is recognised.
pub const WINDOW_RECORDS: u64 = 200_000;
/// Most events remembered, should those records carry many each (60 bytes an event).
const MAX_EVENTS: usize = 1_000_000;

/// The events of the last records.
#[derive(Clone, Debug)]
pub struct Window {
    key: [u8; 16],
    records: u64,
    events: usize,
    /// The record that last carried an event.
    last: HashMap<u128, u64, BuildHasherDefault<AsIs>>,
    order: VecDeque<(u128, u64)>,
}

impl Window {
    /// An empty window. `key` keeps strangers from making two events look alike.
    pub fn new(key: [u8; 16]) -> Self {
        Self::sized(key, WINDOW_RECORDS, MAX_EVENTS)
    }

    fn sized(key: [u8; 16], records: u64, events: usize) -> Self {
        Self { key, records, events, last: HashMap::default(), order: VecDeque::new() }
    }

    /// Whether an event like this is in the window; it is remembered. `record` counts the log's records, and never falls.
    pub fn is_repeat(&mut self, website_id: &str, event_id: &[u8], fingerprint: u64, record: u64) -> bool {
        self.forget(record);
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(website_id.as_bytes());
        hasher.write(&[0xff]);
        hasher.write(event_id);
        hasher.write_u64(fingerprint);
        let identity = u128::from(hasher.finish128());
        self.order.push_back((identity, record));
        self.last.insert(identity, record).is_some()
    }

    fn forget(&mut self, record: u64) {
        while let Some((identity, at)) = self.order.front().copied() {
            if at + self.records > record && self.order.len() < self.events {
                return;
            }
            self.order.pop_front();
            if self.last.get(&identity) == Some(&at) {
                self.last.remove(&identity);
            }
        }
    }

    /// What is remembered, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u128, u64)> {
        self.order.iter().copied()
    }

    /// Puts back what [`iter`](Self::iter) gave, in the same order.
    pub fn restore(&mut self, identity: u128, record: u64) {
        self.order.push_back((identity, record));
        self.last.insert(identity, record);
    }
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.order == other.order && self.last == other.last
    }
}

/// The identities are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, identity: u128) {
        self.0 = identity as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_is_a_repeat_and_another_is_not() {
        let mut window = Window::new([7; 16]);
        assert!(!window.is_repeat("site", &[1; 16], 9, 0));
        assert!(window.is_repeat("site", &[1; 16], 9, 1));
        assert!(window.is_repeat("site", &[1; 16], 9, 2));
        assert!(!window.is_repeat("other site", &[1; 16], 9, 3));
        assert!(!window.is_repeat("site", &[2; 16], 9, 3));
        assert!(!window.is_repeat("site", &[1; 16], 8, 3), "another content is another event");
    }

    #[test]
    fn another_border_between_site_and_id_is_another_event_and_another_key_another_identity() {
        let mut windows = [7, 8].map(|key| Window::new([key; 16]));
        for window in &mut windows {
            assert!(!window.is_repeat("site", b"-1", 9, 0));
            assert!(!window.is_repeat("site-", b"1", 9, 0));
        }
        let identities = windows.each_ref().map(|window| window.iter().collect::<Vec<_>>());
        assert_ne!(identities[0], identities[1], "nobody without the key can make two events look alike");
    }

    #[test]
    fn a_repeat_is_recognised_over_the_window_since_the_last_copy() {
        let mut window = Window::sized([7; 16], 10, 100);
        assert!(!window.is_repeat("site", &[1; 16], 9, 0));
        assert!(window.is_repeat("site", &[1; 16], 9, 9));
        assert!(window.is_repeat("site", &[1; 16], 9, 18), "nine records after its second copy");
        assert!(!window.is_repeat("site", &[1; 16], 9, 28), "ten records later it is forgotten");
    }

    #[test]
    fn the_number_of_events_is_bounded() {
        let mut window = Window::sized([7; 16], 1_000, 8);
        for event in 0..100 {
            assert!(!window.is_repeat("site", &[event; 16], 9, 0));
            assert!(window.order.len() <= 8 && window.last.len() <= 8);
        }
    }
}
