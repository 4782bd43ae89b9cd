//! What central does now and then. A job is a name, a period, a lease and a function; to add one, copy [`live_expiry`] and name it in
//! central's table of jobs. When a job runs, and what happens when it fails, is the runner's; it does nothing by itself.

mod health;
pub mod lease;
pub mod live_expiry;
mod metrics;
mod runner;

use std::error::Error;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub use health::JobHealth;
pub use metrics::Metrics;
pub use runner::{Context, Pace, run};

/// Who does a job where several centrals run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Each central, for itself.
    None,
    /// One central at a time, for all: the one that holds the lease of the job's name.
    OneCentral,
}

/// What a job came to. Every failure is tried again.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Does a job once. Under a lease it is given the lease's token: whatever it writes carries it, and an older one is refused.
type Function = Box<dyn Fn(Option<i64>) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// One line of the table.
pub struct Job {
    name: &'static str,
    period: Duration,
    lease: Lease,
    function: Function,
}

impl Job {
    /// `function` is called at the start, then every `period`. It may be dropped wherever it waits: when central stops, and when the
    /// lease is lost.
    pub fn new<F: Future<Output = Outcome> + Send + 'static>(
        name: &'static str,
        period: Duration,
        lease: Lease,
        function: impl Fn(Option<i64>) -> F + Send + Sync + 'static,
    ) -> Self {
        Self { name, period, lease, function: Box::new(move |token| function(token).boxed()) }
    }

    /// What it is called: in metrics, in sentences, and as a lease.
    pub fn name(&self) -> &'static str {
        self.name
    }
}
