//! The log as a topic of Apache Kafka, shared by several centrals. Nothing outside this folder knows Kafka.
//!
//! Read [`session`] first: it brings the parts together. [`era`] is how records get in, [`source`] how they are read, [`membership`] who
//! reads which partition, [`archive`] what is kept beside them.

mod archive;
mod client;
mod era;
mod membership;
mod origin;
mod positions;
mod session;
mod source;
mod topic;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use client::Options;

pub(super) use archive::Archive;
pub(super) use era::Era;
pub(super) use origin::Origin;
pub(super) use source::Source;

use super::{Metrics, Owned};
use client::Voice;
use session::{Keeper, Standing};

/// The whole log.
pub(super) struct Whole {
    standing: Arc<Standing>,
    stop: CancellationToken,
    keeping: Mutex<Option<JoinHandle<()>>>,
    bootstrap: String,
}

/// Begins to look for the log; `owned` is told which partitions it has for this central.
pub(super) fn start(options: Options, owned: watch::Sender<Owned>, metrics: Metrics) -> Whole {
    let standing = Arc::new(Standing::new(&options));
    let stop = CancellationToken::new();
    let bootstrap = options.bootstrap.clone();
    let keeper = Keeper {
        options: Arc::new(options),
        standing: Arc::clone(&standing),
        owned,
        metrics,
        voice: Voice::default(),
        stop: stop.clone(),
    };
    let keeping = Mutex::new(Some(tokio::spawn(keeper.run())));
    Whole { standing, stop, keeping, bootstrap }
}

impl Whole {
    /// The era that takes records now.
    pub(super) fn era(&self) -> Option<Arc<Era>> {
        self.standing.era()
    }

    /// What is wrong, in sentences.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.standing.faults();
        if let Some(since) = self.era().and_then(|era| era.stalled())
            && faults.is_empty()
        {
            faults.push(format!(
                "Kafka at {} has taken no record for {} s: see that enough of its brokers run; edges keep their records",
                self.bootstrap,
                since.as_secs()
            ));
        }
        faults
    }

    /// Delivers what is queued, leaves the group and stops. Blocks.
    pub(super) fn close(&self) {
        self.stop.cancel();
        let keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeping) = keeping
            && Handle::current().block_on(keeping).is_err()
        {
            tracing::error!("the keeper of the log has panicked");
        }
    }
}
