//! The edges that are connected, each with its newest connection. An older one is told to end.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The edges that are connected.
#[derive(Debug, Default)]
pub(super) struct EdgeRegistry {
    edges: Mutex<HashMap<String, Newest>>,
}

#[derive(Debug)]
struct Newest {
    connection: usize,
    address: SocketAddr,
    end: CancellationToken,
}

impl EdgeRegistry {
    /// Registers a connection, by a number that no other has; the edge's older one is told to end. The token says when this one is.
    pub(super) fn register(
        &self,
        edge_id: &str,
        connection: usize,
        address: SocketAddr,
    ) -> CancellationToken {
        let end = CancellationToken::new();
        let newest = Newest { connection, address, end: end.clone() };
        let older =
            self.edges.lock().unwrap_or_else(PoisonError::into_inner).insert(edge_id.to_owned(), newest);
        if let Some(older) = older {
            older.end.cancel();
        }
        end
    }

    /// Removes a connection, unless a newer one has replaced it.
    pub(super) fn remove(&self, edge_id: &str, connection: usize) {
        let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        if edges.get(edge_id).is_some_and(|newest| newest.connection == connection) {
            edges.remove(edge_id);
        }
    }

    /// Where the newest connection of an edge comes from.
    pub(super) fn address(&self, edge_id: &str) -> Option<SocketAddr> {
        let edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        edges.get(edge_id).map(|newest| newest.address)
    }

    /// How many edges are connected.
    pub(super) fn len(&self) -> usize {
        self.edges.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_connection_ends_the_older_and_outlives_its_leaving() {
        let registry = EdgeRegistry::default();
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let first = registry.register("edge-1", 1, address(1));
        let other = registry.register("edge-2", 2, address(2));
        let second = registry.register("edge-1", 3, address(3));
        assert_eq!(registry.address("edge-1"), Some(address(3)));
        assert!(first.is_cancelled() && !second.is_cancelled() && !other.is_cancelled());
        registry.remove("edge-1", 1);
        assert_eq!(registry.len(), 2);
        registry.remove("edge-1", 3);
        registry.remove("edge-2", 2);
        assert_eq!(registry.len(), 0);
    }
}
