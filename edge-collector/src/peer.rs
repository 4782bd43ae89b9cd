//! Who is asking: the visitor's address behind trusted proxies, and whether a caller may see health and metrics. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

/// Which proxies are believed, and who may see health and metrics.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks that may read health, readiness and metrics.
    pub admin_networks: Vec<IpNet>,
}

impl Peers {
    /// The visitor's address: the socket's, or the last one in `forwarded` (the `X-Forwarded-For` values in order)
    /// that no trusted proxy holds. What an untrusted peer claims is ignored.
    #[must_use]
    pub fn client<'a>(&self, socket: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = socket.to_canonical();
        for value in forwarded.rev() {
            for hop in value.rsplit(',') {
                if !contains(&self.trusted_proxies, client) {
                    return client;
                }
                let Some(address) = parse(hop.trim()) else {
                    return client;
                };
                client = address.to_canonical();
            }
        }
        client
    }

    /// Whether the host at the other end of a connection is a trusted proxy.
    #[must_use]
    pub fn is_trusted(&self, socket: IpAddr) -> bool {
        contains(&self.trusted_proxies, socket.to_canonical())
    }

    /// Whether the caller may see health, readiness and metrics. A request that a proxy passed on is its
    /// visitor's, so a proxy on this machine opens nothing to the world.
    #[must_use]
    pub fn may_administer<'a>(
        &self,
        socket: IpAddr,
        mut forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> bool {
        let socket = socket.to_canonical();
        match forwarded.next_back() {
            None => contains(&self.admin_networks, socket),
            Some(_) if !contains(&self.trusted_proxies, socket) => false,
            Some(last) => {
                let earlier: Vec<&str> = forwarded.collect();
                let client = self.client(socket, earlier.into_iter().chain([last]));
                contains(&self.admin_networks, client) && !contains(&self.trusted_proxies, client)
            }
        }
    }
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    if let Ok(address) = hop.parse() {
        return Some(address);
    }
    if let Ok(socket) = hop.parse::<std::net::SocketAddr>() {
        return Some(socket.ip());
    }
    hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Peers {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("network")).collect();
        Peers {
            trusted_proxies: nets(&["10.0.0.0/8", "fd00::/8"]),
            admin_networks: nets(&["127.0.0.0/8", "192.168.0.0/16"]),
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    #[test]
    fn the_visitor_is_the_last_hop_that_is_no_trusted_proxy() {
        for (socket, forwarded, expected) in [
            ("198.51.100.7", &[][..], "198.51.100.7"),
            ("::ffff:198.51.100.7", &[], "198.51.100.7"),
            ("198.51.100.7", &["203.0.113.9"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.2.2.2"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("fd00::1", &["2001:db8::2"], "2001:db8::2"),
        ] {
            assert_eq!(
                peers().client(ip(socket), forwarded.iter().copied()),
                ip(expected),
                "{socket} {forwarded:?}"
            );
        }
    }

    #[test]
    fn only_admin_networks_see_metrics_and_a_proxy_lends_nobody_its_address() {
        for (socket, forwarded, allowed) in [
            ("127.0.0.1", &[][..], true),
            ("198.51.100.7", &[], false),
            ("127.0.0.1", &["127.0.0.1"], false),
            ("10.0.0.1", &["198.51.100.7"], false),
            ("10.0.0.1", &["192.168.1.1"], true),
            ("10.0.0.1", &["10.0.0.2"], false),
        ] {
            assert_eq!(
                peers().may_administer(ip(socket), forwarded.iter().copied()),
                allowed,
                "{socket} {forwarded:?}"
            );
        }
    }
}
