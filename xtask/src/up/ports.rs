//! Which ports a run uses: the usual ones that scripts rely on, or a block that no other run on this machine has.

use std::net::UdpSocket;

pub(super) use crate::ports::loopback;
use crate::ports::{Block, is_free};

/// All on 127.0.0.1.
pub(super) struct Ports {
    pub(super) edge: u16,
    /// The edge's, for its operator.
    pub(super) edge_health: u16,
    pub(super) central: u16,
    pub(super) demo: u16,
    pub(super) clickhouse: u16,
    /// UDP.
    pub(super) relay: u16,
    /// Keeps other runs away from the block.
    _claim: Option<Block>,
}

impl Ports {
    pub(super) fn usual() -> Self {
        Self {
            edge: 8080,
            edge_health: 8083,
            central: 8081,
            demo: 8082,
            clickhouse: 8123,
            relay: 4433,
            _claim: None,
        }
    }

    /// A block whose ports are free now and that no other run takes while this value lives.
    pub(super) fn reserve() -> anyhow::Result<Self> {
        let block = Block::reserve(6, |first| Self::from(first).are_free())?;
        let first = block.first;
        Ok(Self { _claim: Some(block), ..Self::from(first) })
    }

    fn from(first: u16) -> Self {
        Self {
            edge: first,
            central: first + 1,
            demo: first + 2,
            clickhouse: first + 3,
            relay: first + 4,
            edge_health: first + 5,
            _claim: None,
        }
    }

    fn are_free(&self) -> bool {
        [self.edge, self.edge_health, self.central, self.demo, self.clickhouse].into_iter().all(is_free)
            && UdpSocket::bind(loopback(self.relay)).is_ok()
    }
}
