//! Which addresses a process listens on, as the kernel tells it (`proc(5)`). Linux only, like the servers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// TCP addresses on which the process accepts.
#[must_use]
pub fn tcp(pid: u32) -> Vec<SocketAddr> {
    read(pid, ["tcp", "tcp6"], "0A")
}

/// UDP addresses that the process has bound.
#[must_use]
pub fn udp(pid: u32) -> Vec<SocketAddr> {
    read(pid, ["udp", "udp6"], "07")
}

fn read(pid: u32, tables: [&str; 2], wanted: &str) -> Vec<SocketAddr> {
    let own = sockets(pid);
    let mut found = Vec::new();
    for table in tables {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(|line| row(line, wanted, &own)));
    }
    found
}

/// Inodes of the process's sockets.
fn sockets(pid: u32) -> BTreeSet<u64> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let inode = |entry: std::fs::DirEntry| {
        let link = std::fs::read_link(entry.path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.filter_map(inode).collect()
}

/// The local address of a line of /proc/net/…, when its state is the wanted one and its inode is ours.
fn row(line: &str, wanted: &str, own: &BTreeSet<u64>) -> Option<SocketAddr> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (cells.get(1)?, cells.get(3)?, cells.get(9)?);
    if *state != wanted || !own.contains(&inode.parse().ok()?) {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    Some(SocketAddr::new(parse(address)?, u16::from_str_radix(port, 16).ok()?))
}

/// An address as the kernel prints it: 32-bit words in the machine's byte order.
fn parse(hex: &str) -> Option<IpAddr> {
    let words: Option<Vec<u32>> =
        (0..hex.len() / 8).map(|at| u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok()).collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(four) => Some(Ipv4Addr::from(four).into()),
        // Java listens on IPv4 addresses as IPv6 writes them.
        Err(_) => Some(IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?)).to_canonical()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_listener_of_this_process_is_found() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let wide = std::net::TcpListener::bind("[::]:0").unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let pid = std::process::id();
        assert!(super::tcp(pid).contains(&tcp.local_addr().unwrap()));
        assert!(super::tcp(pid).contains(&wide.local_addr().unwrap()));
        assert!(super::udp(pid).contains(&udp.local_addr().unwrap()));
    }
}
