//! The table of jobs: what central does now and then. A new one is a file in the crate of jobs and a line here.

use footfall_jobs::{Job, live_expiry};
use footfall_live::Live;

/// One line for each job.
pub(super) fn table(live: Live) -> Vec<Job> {
    vec![live_expiry::job(live)]
}
