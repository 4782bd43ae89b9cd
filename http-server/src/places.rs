//! Who is let in: a bound over all, one for each address, and places that only a caller with a credential may keep. Pure: it counts, and
//! says what is to be done about one more.

use core::net::{IpAddr, Ipv6Addr};
use std::collections::HashMap;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Of these, those that only a caller with a credential may keep.
    pub reserved: usize,
    /// Connections of one network at once.
    pub per_address: usize,
}

/// What counts as one address: an IPv4 address, or the /64 that one customer has in IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => Self(IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64))),
        }
    }
}

/// What is to be done about one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There is room.
    Admit,
    /// The oldest of the same network that is idle has to go for it; where none is idle, it is refused.
    ReplaceOwn,
    /// The oldest that is idle and has shown no credential has to go for it. Where none is idle, it takes a reserved place for one
    /// request, and keeps it if that shows a credential; if there is none, it is refused.
    ReplaceAny,
}

/// The connections that there are, counted.
#[derive(Debug)]
pub struct Places {
    bounds: Bounds,
    unproven: usize,
    proven: usize,
    /// Connections of each network that have shown no credential, trusted proxies excepted.
    networks: HashMap<Network, usize>,
}

impl Places {
    /// None is taken yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, unproven: 0, proven: 0, networks: HashMap::new() }
    }

    /// Whether one more may come. `network` is `None` for a trusted proxy.
    pub fn decide(&self, network: Option<Network>) -> Decision {
        let own = network.and_then(|network| self.networks.get(&network)).copied().unwrap_or(0);
        if own >= self.bounds.per_address {
            return Decision::ReplaceOwn;
        }
        let ordinary = self.bounds.connections.saturating_sub(self.bounds.reserved);
        if self.unproven < ordinary && self.unproven + self.proven < self.bounds.connections {
            Decision::Admit
        } else {
            Decision::ReplaceAny
        }
    }

    /// Whether a reserved place is left.
    pub fn has_reserved(&self) -> bool {
        self.bounds.reserved > 0 && self.unproven + self.proven < self.bounds.connections
    }

    /// One has come.
    pub fn enter(&mut self, network: Option<Network>) {
        self.unproven += 1;
        if let Some(network) = network {
            *self.networks.entry(network).or_default() += 1;
        }
    }

    /// One that had come has shown a credential: it counts for its address no longer.
    pub fn prove(&mut self, network: Option<Network>) {
        self.unproven -= 1;
        self.proven += 1;
        self.forget(network);
    }

    /// One has gone.
    pub fn leave(&mut self, network: Option<Network>, proven: bool) {
        if proven {
            self.proven -= 1;
        } else {
            self.unproven -= 1;
            self.forget(network);
        }
    }

    /// How many there are.
    pub fn taken(&self) -> usize {
        self.unproven + self.proven
    }

    fn forget(&mut self, network: Option<Network>) {
        if let Some(network) = network
            && let Some(count) = self.networks.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { connections: 10, reserved: 2, per_address: 3 };

    #[allow(clippy::unnecessary_wraps, reason = "`None` is a trusted proxy")]
    fn network(last: u8) -> Option<Network> {
        Some(IpAddr::from([203, 0, 113, last]).into())
    }

    #[test]
    fn an_address_has_its_share_and_a_trusted_proxy_has_all() {
        let mut places = Places::new(BOUNDS);
        for _ in 0..3 {
            assert_eq!(places.decide(network(1)), Decision::Admit);
            places.enter(network(1));
        }
        assert_eq!(places.decide(network(1)), Decision::ReplaceOwn);
        assert_eq!(places.decide(network(2)), Decision::Admit);
        for _ in 0..5 {
            assert_eq!(places.decide(None), Decision::Admit);
            places.enter(None);
        }
        places.leave(network(1), false);
        assert_eq!(places.decide(network(1)), Decision::Admit);
    }

    #[test]
    fn the_last_places_are_for_whoever_shows_a_credential() {
        let mut places = Places::new(BOUNDS);
        for last in 0..8 {
            assert_eq!(places.decide(network(last)), Decision::Admit);
            places.enter(network(last));
        }
        assert_eq!(places.decide(network(9)), Decision::ReplaceAny);
        assert!(places.has_reserved());
        places.enter(network(9));
        places.prove(network(9));
        assert_eq!(places.decide(network(9)), Decision::ReplaceAny);
        places.leave(network(0), false);
        assert_eq!(places.decide(network(9)), Decision::Admit, "who has shown one takes no ordinary place");
        places.enter(network(9));
        places.enter(network(10));
        assert!(!places.has_reserved());
    }

    #[test]
    fn a_network_is_what_one_customer_has() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    proptest! {
        #[test]
        fn counts_come_back_to_nothing(moves in prop::collection::vec((0_u8..4, any::<bool>()), 0..200)) {
            let mut places = Places::new(BOUNDS);
            let mut inside: Vec<(Option<Network>, bool)> = Vec::new();
            for (last, prove) in moves {
                if places.decide(network(last)) == Decision::Admit {
                    places.enter(network(last));
                    if prove {
                        places.prove(network(last));
                    }
                    inside.push((network(last), prove));
                } else if let Some((network, proven)) = inside.pop() {
                    places.leave(network, proven);
                }
                prop_assert!(places.taken() <= BOUNDS.connections);
                prop_assert_eq!(places.taken(), inside.len());
            }
            for (network, proven) in inside {
                places.leave(network, proven);
            }
            prop_assert_eq!(places.taken(), 0);
            prop_assert!(places.networks.is_empty());
        }
    }
}
