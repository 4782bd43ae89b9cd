//! Bytes of the log that no store can take, each with its reason. Data only.

use bytes::Bytes;

/// Bytes that no store can take. They are counted and parked as dead letters; nothing waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Offset of its entry in the log.
    pub offset: u64,
    /// Which event of the record; the whole record without it.
    pub index: Option<u32>,
    /// Why.
    pub reason: PoisonReason,
    /// The bytes themselves.
    pub payload: Bytes,
}

/// Why something is parked: a closed vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoisonReason {
    /// The log's envelope cannot be decoded.
    Entry,
    /// The record inside it cannot be decoded.
    Record,
    /// Events of no website.
    Website,
    /// A receipt time that no table can hold.
    Time,
    /// An event cannot be decoded.
    Event,
    /// An event without an id to store it under.
    EventId,
    /// The store refused its row as bad data.
    Refused,
    /// The log itself could not take it: it has no offset.
    TooLarge,
}

impl PoisonReason {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Self::Entry,
        Self::Record,
        Self::Website,
        Self::Time,
        Self::Event,
        Self::EventId,
        Self::Refused,
        Self::TooLarge,
    ];

    /// The word for metrics and for the parked copy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Record => "record",
            Self::Website => "website",
            Self::Time => "time",
            Self::Event => "event",
            Self::EventId => "event_id",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
        }
    }
}
