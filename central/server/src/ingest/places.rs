//! Who may try to connect: a share of the places for each address, so that no address can take them all, and places that are kept for
//! addresses from which an edge has greeted. Pure: the time is an argument.
//!
//! A connection takes a stranger's place from its first packet until the edge behind it has greeted; from then on it has an edge's
//! place, of which no stranger can take any.

use core::net::IpAddr;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections that have not greeted.
    pub(super) strangers: usize,
    /// ... of these from one address.
    pub(super) of_address: usize,
    /// ... from one from which an edge has greeted.
    pub(super) of_known_address: usize,
    /// ... and so many are only for such addresses.
    pub(super) kept: usize,
    /// Connections that have greeted.
    pub(super) edges: usize,
    /// Connections that have not greeted above which whoever comes must first prove its address ...
    pub(super) unproven: usize,
    /// ... and so many from its address.
    pub(super) unproven_of_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            strangers: 1024,
            of_address: 128,
            of_known_address: 512,
            kept: 256,
            edges: 4096,
            unproven: 32,
            unproven_of_address: 8,
        }
    }
}

/// Addresses from which an edge has greeted that are remembered ...
const MAX_KNOWN: usize = 4096;
/// ... for so long after it has greeted last.
const KNOWN_FOR: Duration = Duration::from_hours(24);

/// Where somebody comes from, as far as it costs to come from somewhere else: an IPv4 address, or the 64 bits of an IPv6 address that a
/// network gives to one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin(u64);

impl Origin {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            // Networks begin with bits that are not zero, so none is taken for an IPv4 address.
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go on with the handshake.
    Welcome,
    /// Whoever it is has to prove its address first.
    Prove,
    /// There is no place for it.
    Full,
}

/// The places that are taken.
#[derive(Debug, Default)]
pub(super) struct Places {
    limits: Limits,
    /// Connections that have not greeted, by where they come from.
    strangers: HashMap<Origin, usize>,
    /// All of them, and those from addresses that are not known.
    waiting: usize,
    unknown: usize,
    edges: usize,
    /// When an edge has greeted last from there.
    known: HashMap<Origin, Instant>,
}

/// A place that a connection has taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    origin: Origin,
    was_known: bool,
    greeted: bool,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// What to do with an attempt from there; `proven` when it has shown that it receives what is sent to its address.
    pub(super) fn ask(&self, origin: Origin, proven: bool, now: Instant) -> Answer {
        let limits = &self.limits;
        let here = self.strangers.get(&origin).copied().unwrap_or(0);
        if !proven && (self.waiting >= limits.unproven || here >= limits.unproven_of_address) {
            return Answer::Prove;
        }
        let known = self.is_known(origin, now);
        let share = if known { limits.of_known_address } else { limits.of_address };
        let full = self.waiting >= limits.strangers
            || here >= share
            || (!known && self.unknown >= limits.strangers.saturating_sub(limits.kept));
        if full { Answer::Full } else { Answer::Welcome }
    }

    /// Somebody from there is let into the handshake.
    pub(super) fn take(&mut self, origin: Origin, now: Instant) -> Taken {
        let was_known = self.is_known(origin, now);
        *self.strangers.entry(origin).or_default() += 1;
        self.waiting += 1;
        self.unknown += usize::from(!was_known);
        Taken { origin, was_known, greeted: false }
    }

    /// The edge behind it has greeted. Says whether there is a place for it; it keeps the one that it had otherwise.
    pub(super) fn greet(&mut self, taken: &mut Taken, now: Instant) -> bool {
        if taken.greeted || self.edges >= self.limits.edges {
            return taken.greeted;
        }
        self.leave_strangers(taken);
        taken.greeted = true;
        self.edges += 1;
        if self.known.len() >= MAX_KNOWN && !self.known.contains_key(&taken.origin) {
            let oldest = self.known.iter().min_by_key(|(_, greeted)| **greeted).map(|(origin, _)| *origin);
            self.known.remove(&oldest.expect("there are many"));
        }
        self.known.insert(taken.origin, now);
        true
    }

    /// Its connection has ended.
    pub(super) fn leave(&mut self, taken: Taken) {
        if taken.greeted {
            self.edges -= 1;
        } else {
            self.leave_strangers(&taken);
        }
    }

    fn leave_strangers(&mut self, taken: &Taken) {
        self.waiting -= 1;
        self.unknown -= usize::from(!taken.was_known);
        if let Some(here) = self.strangers.get_mut(&taken.origin) {
            *here -= 1;
            if *here == 0 {
                self.strangers.remove(&taken.origin);
            }
        }
    }

    fn is_known(&self, origin: Origin, now: Instant) -> bool {
        self.known.get(&origin).is_some_and(|greeted| now.saturating_duration_since(*greeted) < KNOWN_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        strangers: 12,
        of_address: 4,
        of_known_address: 6,
        kept: 4,
        edges: 3,
        unproven: 5,
        unproven_of_address: 2,
    };

    fn from(number: u32) -> Origin {
        Origin::of(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn an_address_has_a_share_and_strangers_leave_places_for_those_who_are_known() {
        let (mut places, now) = (Places::new(LIMITS), Instant::now());
        let mut edge = places.take(from(9), now);
        assert!(places.greet(&mut edge, now));
        for _ in 0..4 {
            assert_eq!(places.ask(from(1), true, now), Answer::Welcome);
            places.take(from(1), now);
        }
        assert_eq!(places.ask(from(1), true, now), Answer::Full, "its share is used up");
        assert_eq!(places.ask(from(2), true, now), Answer::Welcome, "another's is not");
        for _ in 0..4 {
            places.take(from(2), now);
        }
        assert_eq!(places.ask(from(3), true, now), Answer::Full, "strangers have all that is for them");
        assert_eq!(places.ask(from(9), true, now), Answer::Welcome, "an edge that comes back has its place");
        assert_eq!(places.ask(from(9), true, now + KNOWN_FOR), Answer::Full, "unless it was long away");
    }

    #[test]
    fn whoever_comes_in_a_crowd_or_often_proves_its_address_first() {
        let (mut places, now) = (Places::new(LIMITS), Instant::now());
        places.take(from(1), now);
        assert_eq!(places.ask(from(1), false, now), Answer::Welcome);
        places.take(from(1), now);
        assert_eq!(places.ask(from(1), false, now), Answer::Prove, "somebody could use another's address up");
        assert_eq!(places.ask(from(2), false, now), Answer::Welcome);
        for address in 2..5 {
            places.take(from(address), now);
        }
        assert_eq!(places.ask(from(8), false, now), Answer::Prove);
        assert_eq!(places.ask(from(8), true, now), Answer::Welcome);
    }

    #[test]
    fn an_edge_keeps_its_place_and_there_is_a_bound_for_edges_too() {
        let (mut places, now) = (Places::new(LIMITS), Instant::now());
        let mut greeted = Vec::new();
        for address in 0..4 {
            let mut taken = places.take(from(address), now);
            greeted.push((places.greet(&mut taken, now), taken));
        }
        assert_eq!(greeted.iter().map(|(done, _)| *done).collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!((places.edges, places.waiting), (3, 1));
        let (_, mut waits) = greeted.pop().expect("four");
        places.leave(greeted[0].1);
        assert!(places.greet(&mut waits, now));
        for (_, taken) in greeted.drain(1..) {
            places.leave(taken);
        }
        places.leave(waits);
        assert_eq!((places.edges, places.waiting, places.unknown, places.strangers.len()), (0, 0, 0, 0));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_an_ipv4_address_is_itself_however_it_is_written() {
        let of = |text: &str| Origin::of(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8:0:0:ffff::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("192.0.2.7"), of("::ffff:192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }

    #[test]
    fn the_addresses_that_are_remembered_are_bounded() {
        let (mut places, now) = (Places::new(Limits::default()), Instant::now());
        for number in 0..(MAX_KNOWN as u32 + 50) {
            let mut taken = places.take(from(number), now + Duration::from_secs(number.into()));
            assert!(places.greet(&mut taken, now + Duration::from_secs(number.into())));
            places.leave(taken);
        }
        assert_eq!(places.known.len(), MAX_KNOWN);
        assert!(!places.known.contains_key(&from(0)), "the one that is quiet for longest goes");
    }

    proptest! {
        #[test]
        fn no_bound_is_broken_and_nothing_is_left_behind(steps in prop::collection::vec((0_u32..6, 0_u8..3, any::<prop::sample::Index>()), 0..200)) {
            let (mut places, now) = (Places::new(LIMITS), Instant::now());
            let mut taken: Vec<Taken> = Vec::new();
            for (address, step, which) in steps {
                match step {
                    0 if places.ask(from(address), true, now) == Answer::Welcome => taken.push(places.take(from(address), now)),
                    1 if !taken.is_empty() => { let at = which.index(taken.len()); places.greet(&mut taken[at], now); }
                    2 if !taken.is_empty() => { let at = which.index(taken.len()); places.leave(taken.swap_remove(at)); }
                    _ => {}
                }
                prop_assert!(places.waiting <= LIMITS.strangers && places.edges <= LIMITS.edges);
                prop_assert!(places.strangers.values().all(|here| *here <= LIMITS.of_known_address));
                prop_assert_eq!(places.waiting, places.strangers.values().sum::<usize>());
            }
            for place in taken {
                places.leave(place);
            }
            prop_assert_eq!((places.waiting, places.unknown, places.edges), (0, 0, 0));
        }
    }
}
