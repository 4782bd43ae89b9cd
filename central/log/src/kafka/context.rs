//! What everything has in common that works with one topic as the same log. Does nothing by itself.

use std::sync::Arc;

use super::checkpoints::CheckpointTopic;
use super::client::Options;
use super::client_errors::ClientErrors;
use super::end_offsets::EndOffsets;
use super::identity::TopicIdentity;
use super::membership::Membership;
use super::metadata::MetadataClient;
use crate::dead_letter::DeadLetters;

/// The clients of one session, and which log it is.
pub(super) struct SessionContext {
    pub(super) options: Arc<Options>,
    pub(super) identity: TopicIdentity,
    pub(super) errors: ClientErrors,
    pub(super) metadata: MetadataClient,
    pub(super) group: Membership,
    pub(super) checkpoints: CheckpointTopic,
    pub(super) dead_letters: DeadLetters,
    pub(super) ends: Arc<EndOffsets>,
}
