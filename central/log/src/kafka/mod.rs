//! The log as a topic of Apache Kafka, shared by several centrals. Nothing outside this folder knows Kafka.
//!
//! Read [`session`] first: it brings the parts together. [`era`] is how records get in, [`source`] how they are read, [`membership`] who
//! reads which partition, [`archive`] what is kept beside them, [`letters`] how a command reads what is parked.

mod archive;
mod client;
mod era;
mod letters;
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
pub use letters::parked;

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
    options: Arc<Options>,
}

/// Begins to look for the log; `owned` is told which partitions it has for this central.
pub(super) fn start(options: Options, owned: watch::Sender<Owned>, metrics: Metrics) -> Whole {
    let standing = Arc::new(Standing::new(&options));
    let stop = CancellationToken::new();
    let options = Arc::new(options);
    let keeper = Keeper {
        options: Arc::clone(&options),
        standing: Arc::clone(&standing),
        owned,
        metrics,
        voice: Voice::default(),
        stop: stop.clone(),
    };
    let keeping = Mutex::new(Some(tokio::spawn(keeper.run())));
    Whole { standing, stop, keeping, options }
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
                self.options.bootstrap,
                since.as_secs()
            ));
        }
        faults
    }

    /// How long records stay, and what to do for who is late; the end of a sentence.
    pub(super) fn keeps(&self) -> String {
        let Options { bootstrap, topic, retention, .. } = &*self.options;
        let hours = retention.as_secs().div_ceil(3_600);
        format!(
            "topic {topic} of Kafka at {bootstrap} keeps them ({hours} h): see why it does not write, or raise the topic's retention.ms"
        )
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
