//! Who asks, as a service sees it: an address, and whether a credential was shown.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::connection::Connection;
use crate::open::Open;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The other end of the connection.
    pub address: SocketAddr,
    pub(crate) connection: Arc<Connection>,
    pub(crate) open: Arc<Open>,
}

impl Peer {
    /// Whether a credential was shown on this connection.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.connection.is_proven()
    }

    /// The request showed a credential that was verified: its connection counts among those that keep their places.
    pub fn prove(&self) {
        self.open.prove(&self.connection);
    }
}
