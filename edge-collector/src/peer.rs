//! Who is asking: the visitor's address behind trusted proxies. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

/// Which proxies are believed.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
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
        Peers { trusted_proxies: nets(&["10.0.0.0/8", "fd00::/8"]) }
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
}
