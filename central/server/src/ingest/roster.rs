//! Which connection of each edge is the newest. An older one is told to end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The edges that are connected.
#[derive(Debug, Default)]
pub(super) struct Roster {
    edges: Mutex<HashMap<String, Place>>,
}

#[derive(Debug)]
struct Place {
    connection: usize,
    end: CancellationToken,
}

impl Roster {
    /// Enters a connection, by a number that no other has; the edge's older one is told to end. The token says when this one is.
    pub(super) fn enter(&self, edge_id: &str, connection: usize) -> CancellationToken {
        let end = CancellationToken::new();
        let place = Place { connection, end: end.clone() };
        let older =
            self.edges.lock().unwrap_or_else(PoisonError::into_inner).insert(edge_id.to_owned(), place);
        if let Some(older) = older {
            older.end.cancel();
        }
        end
    }

    /// Takes a connection out again, unless a newer one stands in its place.
    pub(super) fn leave(&self, edge_id: &str, connection: usize) {
        let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        if edges.get(edge_id).is_some_and(|place| place.connection == connection) {
            edges.remove(edge_id);
        }
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
        let roster = Roster::default();
        let first = roster.enter("edge-1", 1);
        let other = roster.enter("edge-2", 2);
        let second = roster.enter("edge-1", 3);
        assert!(first.is_cancelled() && !second.is_cancelled() && !other.is_cancelled());
        roster.leave("edge-1", 1);
        assert_eq!(roster.len(), 2);
        roster.leave("edge-1", 3);
        roster.leave("edge-2", 2);
        assert_eq!(roster.len(), 0);
    }
}
