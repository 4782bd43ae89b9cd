//! The queries that wait or run, as ClickHouse's process list has them.

use super::mark::{Mark, comment};
use super::query_status::QueryStatus;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Queries by number. No number is given twice.
#[derive(Debug)]
pub struct ProcessList {
    /// What no caller can guess, in the comment that marks an INSERT.
    secret: String,
    queries: Mutex<HashMap<u64, Arc<QueryStatus>>>,
    next_number: AtomicU64,
}

impl ProcessList {
    pub(super) fn new(secret: String) -> Self {
        Self { secret, queries: Mutex::default(), next_number: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<QueryStatus>>> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a query.
    pub(super) fn insert(&self, query_id: Option<String>) -> (u64, Arc<QueryStatus>) {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let query = Arc::new(QueryStatus::new(query_id, comment(&self.secret, number)));
        self.lock().insert(number, Arc::clone(&query));
        (number, query)
    }

    /// Removes a query that has ended.
    pub(super) fn remove(&self, number: u64) {
        self.lock().remove(&number);
    }

    /// All of them.
    pub(super) fn queries(&self) -> Vec<Arc<QueryStatus>> {
        self.lock().values().cloned().collect()
    }

    /// Those that run and have a query id from their client.
    pub fn with_query_ids(&self) -> Vec<NamedQuery> {
        let queries = self.lock();
        let named = queries.iter().filter_map(|(number, query)| {
            let (mark, query_id) = query.ids()?;
            Some(NamedQuery { number: *number, mark, query_id })
        });
        named.collect()
    }
}

/// A query that runs and has a query id from its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedQuery {
    /// Its number in the process list.
    pub number: u64,
    /// What the engine shows of it.
    pub mark: Mark,
    /// The client's query id.
    pub query_id: String,
}
