//! How the sinks of all partitions are, for whoever asks in sentences.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use footfall_daemon::status::Status;

/// A status for each sink of each owned partition; clones share it.
#[derive(Clone, Debug, Default)]
pub struct SinkHealth(Arc<Mutex<BTreeMap<(u32, &'static str), Status>>>);

impl SinkHealth {
    /// What is wrong with them, each sentence once.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<_> = self.lock().values().filter_map(Status::fault).collect();
        faults.sort_unstable();
        faults.dedup();
        faults
    }

    /// Where a sink of a partition tells how it is.
    pub(crate) fn enter(&self, partition: u32, sink: &'static str) -> Status {
        self.lock().entry((partition, sink)).or_default().clone()
    }

    /// The partition is another central's by now.
    pub(crate) fn forget(&self, partition: u32) {
        self.lock().retain(|(of, _), _| *of != partition);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u32, &'static str), Status>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
