//! Ports on this machine only, and blocks of free ones that no other run takes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use footfall_daemon::lock::Lock;

use crate::file;

/// Blocks of free ports begin here, below the range from which the kernel gives ports to outgoing connections: a server
/// that is restarted finds its port again.
const FIRST: u16 = 10_240;
/// The ports that one claim stands for.
const STEP: u16 = 8;
const STEPS: u16 = 2_700;
const _: () = assert!(FIRST + STEP * STEPS <= 32_768, "blocks stay below the kernel's own range");

/// Neighbouring ports from `first` on that are this run's while the value lives.
pub(crate) struct Block {
    pub(crate) first: u16,
    _claims: Vec<Lock>,
}

impl Block {
    /// `count` ports that are free now by the caller's own look at the first one.
    pub(crate) fn reserve(count: u16, are_free: impl Fn(u16) -> bool) -> anyhow::Result<Self> {
        let claims =
            std::env::temp_dir().join(format!("footfall-ports-{}", rustix::process::geteuid().as_raw()));
        file::private_folder(&claims)?;
        let (steps, needed) = (u32::from(STEPS), count.div_ceil(STEP));
        let start = getrandom::u32().context("the system gives no random number")? % steps;
        for turn in 0..steps {
            let step = ((start + turn) % steps) as u16;
            if step + needed > STEPS {
                continue;
            }
            let first = FIRST + step * STEP;
            let claimed = (0..needed)
                .map(|part| Lock::take(&claims.join((first + part * STEP).to_string()), Duration::ZERO))
                .collect::<io::Result<Option<Vec<_>>>>()?;
            if let Some(claims) = claimed.filter(|_| are_free(first)) {
                return Ok(Self { first, _claims: claims });
            }
        }
        anyhow::bail!("no block of {count} free ports from {FIRST} on");
    }
}

/// The port on this machine only.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Whether a TCP server could take the port now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_at_once_share_no_port() {
        let all_free = |count: u16| move |first: u16| (first..first + count).all(is_free);
        let small = Block::reserve(5, all_free(5)).unwrap();
        let large = Block::reserve(16, all_free(16)).unwrap();
        let ports = |block: &Block, count| block.first..block.first + count;
        assert!(ports(&small, 5).all(|port| !ports(&large, 16).contains(&port)));
    }
}
