//! How the jobs are, for whoever asks in sentences.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use footfall_daemon::status::Status;

/// A status for each job; clones share it.
#[derive(Clone, Debug, Default)]
pub struct JobHealth(Arc<Mutex<BTreeMap<&'static str, Status>>>);

impl JobHealth {
    /// The jobs that failed when they ran last, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().filter_map(Status::fault).collect()
    }

    /// Where a job tells how it is.
    pub(crate) fn enter(&self, job: &'static str) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(job).or_default().clone()
    }
}
