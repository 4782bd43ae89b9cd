//! The dedup window, which recognises events that come again: by website, event id and the fingerprint of the event's own bytes. Pure and
//! bounded; what falls out of it is recognised later, by central's reader.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Entries kept at most: one table of 2^20 small slots, about 35 MB when full.
pub const CAPACITY: usize = 900_000;

/// Numbers the commit that wrote an entry's event, or is to write it; see [`crate::pending_commit`].
pub type PendingCommit = u64;

/// Names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key([u64; 2]);

/// What an event is to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Never seen: now remembered under this key.
    First(Key),
    /// The same event belongs to this commit.
    Duplicate(PendingCommit),
    /// The same id came with other content: this content is now remembered under this key.
    Collision(Key),
}

/// The last events, oldest first, with an index by key.
#[derive(Debug)]
pub struct Dedup {
    entries: VecDeque<Entry>,
    /// Number of the entry at the front of `entries`; positions in `index` are numbers, cut to 32 bits.
    front: u64,
    index: HashTable<u32>,
    capacity: usize,
    seeds: [RandomState; 2],
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Key,
    fingerprint: u64,
    commit: PendingCommit,
}

impl Dedup {
    /// An empty window of `capacity` entries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            front: 0,
            index: HashTable::new(),
            capacity: capacity.clamp(1, 1 << 30),
            seeds: [RandomState::new(), RandomState::new()],
        }
    }

    /// Looks an event up and remembers it if it is new.
    pub fn see(
        &mut self,
        website_id: &str,
        event_id: &[u8],
        fingerprint: u64,
        commit: PendingCommit,
    ) -> Seen {
        let by_id = self.key(&(website_id, event_id));
        let Some(first) = self.find(by_id) else {
            self.remember(Entry { key: by_id, fingerprint, commit });
            return Seen::First(by_id);
        };
        if first.fingerprint == fingerprint {
            return Seen::Duplicate(first.commit);
        }
        // The first content holds the entry by id; every other one has an entry of its own, so that a flood of
        // contents under one id costs no longer search than anything else.
        let by_content = self.key(&(website_id, event_id, fingerprint));
        if let Some(other) = self.find(by_content) {
            return Seen::Duplicate(other.commit);
        }
        self.remember(Entry { key: by_content, fingerprint, commit });
        Seen::Collision(by_content)
    }

    /// Takes an entry back whose request was not committed, so that the client's next try is no duplicate.
    pub fn forget(&mut self, key: Key) {
        let (entries, front) = (&self.entries, self.front);
        let found = self
            .index
            .find_entry(key.0[0], |position| at(entries, front, *position).is_some_and(|e| e.key == key));
        if let Ok(found) = found {
            found.remove();
        }
    }

    /// Entries held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn key<T: std::hash::Hash>(&self, of: &T) -> Key {
        Key([self.seeds[0].hash_one(of), self.seeds[1].hash_one(of)])
    }

    fn find(&self, key: Key) -> Option<Entry> {
        let matches =
            |position: &u32| at(&self.entries, self.front, *position).is_some_and(|entry| entry.key == key);
        let position = self.index.find(key.0[0], matches)?;
        at(&self.entries, self.front, *position).copied()
    }

    fn remember(&mut self, entry: Entry) {
        while self.entries.len() >= self.capacity {
            self.drop_oldest();
        }
        let position = self.front.wrapping_add(self.entries.len() as u64) as u32;
        self.entries.push_back(entry);
        let (entries, front) = (&self.entries, self.front);
        let hash = |position: &u32| at(entries, front, *position).expect("indexed entries are held").key.0[0];
        self.index.insert_unique(entry.key.0[0], position, hash);
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.entries.front().copied() else { return };
        let position = self.front as u32;
        if let Ok(found) = self.index.find_entry(oldest.key.0[0], |candidate| *candidate == position) {
            found.remove();
        }
        self.entries.pop_front();
        self.front += 1;
    }
}

fn at(entries: &VecDeque<Entry>, front: u64, position: u32) -> Option<&Entry> {
    entries.get(position.wrapping_sub(front as u32) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn the_same_event_is_seen_once() {
        let mut window = Dedup::new(10);
        assert!(matches!(window.see("w", b"id", 1, 7), Seen::First(_)));
        assert_eq!(window.see("w", b"id", 1, 8), Seen::Duplicate(7));
        assert!(matches!(window.see("other", b"id", 1, 9), Seen::First(_)));
    }

    #[test]
    fn other_content_under_the_same_id_suppresses_nobody_and_is_itself_recognised() {
        let mut window = Dedup::new(10);
        window.see("w", b"id", 1, 1);
        assert!(matches!(window.see("w", b"id", 2, 2), Seen::Collision(_)));
        assert_eq!(window.see("w", b"id", 2, 3), Seen::Duplicate(2));
        assert_eq!(window.see("w", b"id", 1, 4), Seen::Duplicate(1));
    }

    #[test]
    fn a_forgotten_event_may_come_again() {
        let mut window = Dedup::new(10);
        let Seen::First(key) = window.see("w", b"id", 1, 1) else { panic!("new") };
        window.forget(key);
        assert!(matches!(window.see("w", b"id", 1, 2), Seen::First(_)));
        assert_eq!(window.see("w", b"id", 1, 3), Seen::Duplicate(2));
    }

    #[test]
    fn the_oldest_falls_out() {
        let mut window = Dedup::new(3);
        for id in 0..5_u8 {
            window.see("w", &[id], 0, u64::from(id));
        }
        assert_eq!(window.len(), 3);
        assert_eq!(window.see("w", &[4], 0, 9), Seen::Duplicate(4));
        assert!(matches!(window.see("w", &[0], 0, 9), Seen::First(_)));
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_list(
            steps in prop::collection::vec((0_u8..12, 0_u64..3, any::<bool>()), 1..300),
            capacity in 1_usize..20,
        ) {
            let mut window = Dedup::new(capacity);
            // Model: the remembered contents, oldest first.
            let mut model: Vec<(u8, u64, u64)> = Vec::new();
            let mut firsts: HashMap<u8, u64> = HashMap::new();
            for (commit, (id, content, fails)) in steps.into_iter().enumerate() {
                let commit = commit as u64;
                let known = model.iter().rfind(|(i, c, _)| *i == id && *c == content).copied();
                let first_alive = firsts.get(&id).is_some_and(|c| model.iter().any(|m| m.0 == id && m.1 == *c));
                let seen = window.see("w", &[id], content, commit);
                match seen {
                    Seen::Duplicate(earlier) => prop_assert_eq!(Some(earlier), known.map(|k| k.2)),
                    Seen::First(key) | Seen::Collision(key) => {
                        prop_assert_eq!(matches!(seen, Seen::Collision(_)), first_alive);
                        // Once the first content is gone, a later one under the same id may be taken twice.
                        prop_assert!(known.is_none() || !first_alive);
                        if !first_alive { firsts.insert(id, content); }
                        if fails {
                            window.forget(key);
                            if !first_alive { firsts.remove(&id); }
                        }
                        model.push((id, content, if fails { u64::MAX } else { commit }));
                        while model.len() > capacity { model.remove(0); }
                        if let Some(last) = model.last_mut().filter(|_| fails) {
                            last.0 = u8::MAX;
                        }
                    }
                }
                prop_assert!(window.len() <= capacity);
            }
        }
    }
}
