//! A bounded map that forgets by halves: what was not touched during two generations is gone. Pure; knows no clock.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

/// Two maps, a young and an old one. A hit in the old one moves the entry to the young one; when the young one is
/// full, or when its owner says so, it becomes the old one and the old one is dropped. Worst-case size is twice
/// `capacity` entries.
#[derive(Debug)]
pub struct Generations<K, V, S = RandomState> {
    young: HashMap<K, V, S>,
    old: HashMap<K, V, S>,
    capacity: usize,
}

impl<K: Hash + Eq, V, S: BuildHasher + Default> Generations<K, V, S> {
    /// An empty map whose generations hold `capacity` entries each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), capacity: capacity.max(1) }
    }

    /// The entry of `key`, made young again.
    pub fn touch<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// The key that equals `key`, as it is held, made young again.
    pub fn touch_key<Q>(&mut self, key: &Q) -> Option<&K>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.touch(key)?;
        self.young.get_key_value(key).map(|(key, _)| key)
    }

    /// Whether `key` stands in the young generation.
    #[must_use]
    pub fn is_young<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.young.contains_key(key)
    }

    /// Adds or replaces an entry, forgetting the oldest generation when the young one is full.
    pub fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.capacity && !self.young.contains_key(&key) {
            self.age();
        }
        self.young.insert(key, value);
    }

    /// Begins a new generation.
    pub fn age(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }

    /// Entries held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_stays_and_what_is_not_goes_after_two_generations() {
        let mut map = Generations::<u32, u32>::new(10);
        map.insert(1, 10);
        map.insert(2, 20);
        map.age();
        assert_eq!(map.touch(&1), Some(&mut 10));
        map.age();
        assert_eq!(map.touch(&1), Some(&mut 10));
        assert_eq!(map.touch(&2), None);
    }

    #[test]
    fn never_holds_more_than_two_generations() {
        let mut map = Generations::<u32, u32>::new(100);
        for key in 0..100_000 {
            map.insert(key, key);
            assert!(map.len() <= 200);
        }
        assert_eq!(map.touch(&99_999), Some(&mut 99_999));
        assert_eq!(map.touch(&5), None);
    }
}
