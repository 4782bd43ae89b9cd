//! Which ports a run uses: the usual ones that scripts rely on, or a block that no other run on this machine has.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use anyhow::Context;

use crate::lock::Lock;

/// All on 127.0.0.1.
pub(super) struct Ports {
    pub(super) edge: u16,
    pub(super) central: u16,
    pub(super) demo: u16,
    pub(super) clickhouse: u16,
    /// UDP.
    pub(super) relay: u16,
    /// Keeps other runs away from the block.
    _claim: Option<Lock>,
}

/// Blocks of free ports begin here, below the range from which the kernel gives ports to outgoing connections: a server
/// that is restarted finds its port again.
const FIRST: u16 = 10_240;
const BLOCK: u16 = 8;
const BLOCKS: u16 = 2_700;
const _: () = assert!(FIRST + BLOCK * BLOCKS <= 32_768, "blocks stay below the kernel's own range");

impl Ports {
    pub(super) fn usual() -> Self {
        Self { edge: 8080, central: 8081, demo: 8082, clickhouse: 8123, relay: 4433, _claim: None }
    }

    /// A block whose ports are free now and that no other run takes while this value lives.
    pub(super) fn reserve() -> anyhow::Result<Self> {
        let claims =
            std::env::temp_dir().join(format!("footfall-ports-{}", rustix::process::geteuid().as_raw()));
        std::fs::create_dir_all(&claims).with_context(|| format!("cannot make {}", claims.display()))?;
        let start = getrandom::u32().context("the system gives no random number")? % u32::from(BLOCKS);
        for step in 0..u32::from(BLOCKS) {
            let block = ((start + step) % u32::from(BLOCKS)) as u16;
            let first = FIRST + block * BLOCK;
            let Some(claim) = Lock::wait(&claims.join(first.to_string()), Duration::ZERO)? else { continue };
            let ports = Self {
                edge: first,
                central: first + 1,
                demo: first + 2,
                clickhouse: first + 3,
                relay: first + 4,
                _claim: Some(claim),
            };
            if ports.are_free() {
                return Ok(ports);
            }
        }
        anyhow::bail!("no block of {BLOCK} free ports from {FIRST} on");
    }

    fn are_free(&self) -> bool {
        [self.edge, self.central, self.demo, self.clickhouse]
            .iter()
            .all(|port| TcpListener::bind(loopback(*port)).is_ok())
            && UdpSocket::bind(loopback(self.relay)).is_ok()
    }
}

/// The port on this machine only.
pub(super) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_at_once_share_no_port() {
        let one = Ports::reserve().unwrap();
        let other = Ports::reserve().unwrap();
        assert!(one.edge.abs_diff(other.edge) >= BLOCK);
    }
}
