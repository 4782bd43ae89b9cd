//! What a protocol makes of a request: submissions, each with the events of one site and one visitor, and what its
//! sender is believed about that visitor. Pure; knows neither HTTP nor the journal.

use core::net::IpAddr;

use bytes::Bytes;
use footfall_proto::beacon::{BeaconEnvelope, Event};
use footfall_proto::relay::DropReason;
use smallvec::SmallVec;

/// The submissions of one request. Nearly every request has one, which is held in place.
pub type Submissions = SmallVec<[Submission; 1]>;

/// Events of one site and one visitor, whatever protocol they came in. Each submission with an accepted event becomes
/// one record of the journal.
#[derive(Debug, Default)]
pub struct Submission {
    /// What the sender showed; decides how much of the rest is believed.
    pub credential: Credential,
    /// The visitor, where somebody else sends the events.
    pub visitor: StatedVisitor,
    /// What the events share, the site's tracking id first; its own list of events is empty.
    pub shared: BeaconEnvelope,
    /// The events in their order.
    pub events: Vec<SubmittedEvent>,
    /// Keys that no column has.
    pub unknown_keys: usize,
}

/// One event as it was sent.
#[derive(Debug)]
pub struct SubmittedEvent {
    /// An encoded `beacon.Event`, from the client as it was or made from another form.
    pub bytes: Bytes,
    /// The same, decoded; or why it cannot be taken.
    pub event: Result<Event, DropReason>,
    /// The visitor as the sender names it; empty if not.
    pub user_id: String,
    /// The session as the sender names it; empty if not.
    pub session_id: String,
}

/// The visitor as a sender describes one who did not connect. Used only where [`Assertions::address`] permits it.
#[derive(Debug, Default)]
pub struct StatedVisitor {
    /// The visitor's address instead of the connection's.
    pub address: Option<IpAddr>,
    /// The visitor's user agent instead of the request's.
    pub user_agent: Option<String>,
}

/// What the sender of a submission showed to be believed. This decides trust; the form of a body does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nothing, and the protocol is for pages: a page speaks for the visitor who looks at it.
    #[default]
    Absent,
    /// Nothing, and the protocol is for programs, which need none: edges know no keys of servers.
    NotRequired,
}

impl Credential {
    /// What a submission with this credential may state.
    #[must_use]
    pub const fn permits(self) -> Assertions {
        match self {
            Self::Absent => Assertions::NONE,
            Self::NotRequired => Assertions { identity: true, automation: true, ..Assertions::NONE },
        }
    }
}

/// What a sender may state about a visitor and be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assertions {
    /// Ids of the user and the session count although the visitor's consent is not stated.
    pub identity: bool,
    /// A program that sends from no page is not a bot: it sends on purpose.
    pub automation: bool,
    /// The visitor's address and user agent replace those of the connection.
    pub address: bool,
    /// Events may be older than a page may send them.
    pub time: bool,
}

impl Assertions {
    /// Nothing is believed but what the connection itself shows.
    pub const NONE: Self = Self { identity: false, automation: false, address: false, time: false };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_that_anybody_can_show_lends_another_visitors_address_or_time() {
        for credential in [Credential::Absent, Credential::NotRequired] {
            let permitted = credential.permits();
            assert!(!permitted.address && !permitted.time, "{credential:?}");
        }
        assert_eq!(Submission::default().credential.permits(), Assertions::NONE);
        assert!(Credential::NotRequired.permits().identity);
    }
}
