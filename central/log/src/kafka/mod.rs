//! The log as a topic of Apache Kafka, shared by several centrals. Nothing outside this folder knows Kafka, and nothing in it opens a
//! partition for the sinks: it tells which were gained and lost.
//!
//! Read [`session`] first: it brings the parts together. [`producer`] is how records get in, [`reader`] how they are read, [`membership`]
//! which central has which partition, [`checkpoints`] and [`dead_letters`] what is kept beside the log.

mod assignment;
mod checkpoints;
mod client;
mod client_errors;
mod context;
mod dead_letters;
mod delivery;
mod end_offsets;
mod identity;
mod membership;
mod metadata;
mod partition;
mod positions;
mod producer;
mod reader;
mod row_topic;
mod session;
mod status;
mod topic;
mod topic_error;
mod topic_writer;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use client::Options;
pub use dead_letters::read_dead_letters;
pub use row_topic::RowTopic;

pub(super) use assignment::{Assignment, GainedPartition};
pub(super) use partition::KafkaPartition;
pub(super) use producer::ProducerGeneration;
pub(super) use reader::KafkaReader;

use super::metrics::Metrics;
use client_errors::ClientErrors;
use session::Supervisor;
use status::LogStatus;

/// The whole log.
pub(super) struct KafkaLog {
    status: Arc<LogStatus>,
    stop: CancellationToken,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    options: Arc<Options>,
}

impl KafkaLog {
    /// Begins to look for the log; `assignments` is told which partitions belong to this central.
    pub(super) fn start(options: Options, assignments: mpsc::Sender<Assignment>, metrics: Metrics) -> Self {
        let status = Arc::new(LogStatus::new(&options));
        let stop = CancellationToken::new();
        let options = Arc::new(options);
        let supervisor = Supervisor {
            options: Arc::clone(&options),
            status: Arc::clone(&status),
            assignments,
            metrics,
            errors: ClientErrors::default(),
            stop: stop.clone(),
        };
        let supervisor = Mutex::new(Some(tokio::spawn(supervisor.run())));
        Self { status, stop, supervisor, options }
    }

    /// The producer that takes records now.
    pub(super) fn producer(&self) -> Option<Arc<ProducerGeneration>> {
        self.status.producer()
    }

    /// What is wrong, in sentences.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.status.faults();
        if let Some(since) = self.producer().and_then(|producer| producer.stalled())
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

    /// How long records stay, and what to do about a sink that is late; the end of a sentence.
    pub(super) fn retention_sentence(&self) -> String {
        let Options { bootstrap, topic, retention, .. } = &*self.options;
        let hours = retention.as_secs().div_ceil(3_600);
        format!(
            "topic {topic} of Kafka at {bootstrap} keeps them ({hours} h): see why it does not write, or raise the topic's retention.ms"
        )
    }

    /// Delivers what is queued, leaves the group and stops. Blocks.
    pub(super) fn close(&self) {
        self.stop.cancel();
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if supervisor.is_some_and(|supervisor| Handle::current().block_on(supervisor).is_err()) {
            tracing::error!("the supervisor of the log has panicked");
        }
    }
}
