//! Bytes of the log that no store can take, each with its reason. Data only.

use bytes::Bytes;
use footfall_proto::relay::ParkReason;

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
    /// When it came in, no website had its id.
    UnknownSite,
    /// When it came in, it said to have been received longer ago than is believed.
    TooOld,
    /// When it came in, it said to have been received later than can have been.
    Ahead,
    /// When it came in, it was found to be of a build whose records are not read.
    EarlierBuild,
    /// When it came in, it was parked for a reason that only a later build knows.
    Unlisted,
}

impl PoisonReason {
    /// Every one of them.
    pub const ALL: [Self; 13] = [
        Self::Entry,
        Self::Record,
        Self::Website,
        Self::Time,
        Self::Event,
        Self::EventId,
        Self::Refused,
        Self::TooLarge,
        Self::UnknownSite,
        Self::TooOld,
        Self::Ahead,
        Self::EarlierBuild,
        Self::Unlisted,
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
            Self::UnknownSite => "unknown_site",
            Self::TooOld => "too_old",
            Self::Ahead => "ahead",
            Self::EarlierBuild => "earlier_build",
            Self::Unlisted => "unlisted",
        }
    }

    /// Whether it was decided when the record came in, and could be decided otherwise today.
    pub const fn is_of_judgement(self) -> bool {
        matches!(self, Self::UnknownSite | Self::TooOld | Self::Ahead | Self::EarlierBuild | Self::Unlisted)
    }

    /// Why the log's entry says that its record was parked when it came in; nothing when it was not.
    pub fn of_parked(parked: i32) -> Option<Self> {
        match ParkReason::try_from(parked) {
            Ok(ParkReason::Unspecified) => None,
            Ok(reason) => Some(reason.into()),
            Err(_) => Some(Self::Unlisted),
        }
    }
}

impl From<ParkReason> for PoisonReason {
    fn from(reason: ParkReason) -> Self {
        match reason {
            ParkReason::Unspecified => Self::Unlisted,
            ParkReason::UnknownSite => Self::UnknownSite,
            ParkReason::TooOld => Self::TooOld,
            ParkReason::Ahead => Self::Ahead,
            ParkReason::Unreadable => Self::Record,
            ParkReason::EarlierBuild => Self::EarlierBuild,
        }
    }
}
