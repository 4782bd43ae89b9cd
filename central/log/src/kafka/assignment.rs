//! What Kafka tells of the log's partitions: which this central gained and lost, and what became of the topic. Whoever is told opens
//! them; nothing here does.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::SessionContext;
use super::partition::KafkaPartition;
use crate::dead_letter::DeadLetters;
use crate::incarnation::Incarnation;

/// A change of what this central owns.
pub(crate) enum Assignment {
    /// A partition belongs to this central until its token says otherwise.
    Gained(GainedPartition),
    /// It does not any more.
    Lost(u32),
    /// The topic is the one that it was: what was lost before belongs to another central now.
    TopicSeen,
    /// The topic is gone, and with it all records that the sinks did not have.
    TopicGone,
    /// Nothing belongs to this central any more.
    Ended,
}

/// A partition that belongs to this central.
pub(crate) struct GainedPartition {
    pub(crate) number: u32,
    /// Is cancelled when the partition is lost.
    pub(crate) lost: CancellationToken,
    pub(super) context: Arc<SessionContext>,
}

impl GainedPartition {
    /// Asks what was committed.
    ///
    /// # Errors
    /// What Kafka says. Transient as far as anyone can tell.
    pub(crate) async fn open(&self) -> io::Result<KafkaPartition> {
        KafkaPartition::open(Arc::clone(&self.context), self.number).await
    }

    pub(crate) fn incarnation(&self) -> Incarnation {
        self.context.identity.incarnation
    }

    pub(crate) fn dead_letters(&self) -> DeadLetters {
        self.context.dead_letters.clone()
    }

    pub(crate) fn checkpoint_bytes(&self) -> u64 {
        self.context.options.checkpoint_bytes
    }
}
