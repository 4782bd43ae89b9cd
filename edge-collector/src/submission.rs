//! What every protocol's requests come down to: the events of one site and one visitor. Pure.

use bytes::Bytes;
use footfall_proto::beacon::{BeaconEnvelope, Event};
use footfall_proto::relay::DropReason;

/// One submission, whatever form it came in.
#[derive(Debug, Default)]
pub struct Submission {
    /// The form.
    pub form: Form,
    /// What its events share; its own list of events is empty.
    pub shared: BeaconEnvelope,
    /// Its events in their order.
    pub events: Vec<Sent>,
    /// Keys that no column has, JSON only.
    pub unknown_keys: usize,
}

/// How a submission was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// A `BeaconBatch`.
    #[default]
    Protobuf,
    /// The documented JSON.
    Json,
    /// The query of `/p.gif`.
    Pixel,
}

/// One event as it was sent.
#[derive(Debug)]
pub struct Sent {
    /// An encoded `beacon.Event`, from the client as it was or made from JSON.
    pub bytes: Bytes,
    /// The same, decoded; or why it cannot be taken.
    pub event: Result<Event, DropReason>,
    /// The visitor as the sender names it; empty if not.
    pub user_id: String,
    /// The session as the sender names it; empty if not.
    pub session_id: String,
}

/// Why a whole submission cannot be read. Permanent: the same bytes fail again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No body at all.
    #[error("the body is empty")]
    Empty,
    /// Neither protobuf nor JSON of the documented shape.
    #[error("the body is no batch of events: {0}")]
    Malformed(String),
    /// More events than one request may carry.
    #[error("{count} events are more than one request may carry")]
    TooMany {
        /// The site that was named, for the count of what was dropped.
        tracking_id: String,
        /// How many there were.
        count: usize,
    },
}
