//! Cutting of addresses, done after the geographic lookup and before anything is written. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address with its last 8 bits (IPv4, /24) or last 80 bits (IPv6, /48) cleared.
#[must_use]
pub fn cut_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80))),
    }
}

/// The address as records carry it: 16 bytes, IPv4 mapped into IPv6.
#[must_use]
pub fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_what_names_a_household() {
        for (whole, cut) in [
            ("203.0.113.77", "203.0.113.0"),
            ("::ffff:203.0.113.77", "203.0.113.0"),
            ("2001:db8:1234:5678:9abc:def0:1:2", "2001:db8:1234::"),
            ("127.0.0.1", "127.0.0.0"),
        ] {
            let whole: IpAddr = whole.parse().expect("address");
            assert_eq!(cut_address(whole), cut.parse::<IpAddr>().expect("address"));
        }
        let mapped = mapped("203.0.113.0".parse().expect("address"));
        assert_eq!(Ipv6Addr::from(mapped).to_string(), "::ffff:203.0.113.0");
    }
}
