//! What a protocol makes of a request: submissions, each with the events of one site and one visitor, and what its
//! sender is believed about that visitor. Pure; knows neither HTTP nor the journal.

use core::net::IpAddr;

use bytes::Bytes;
use footfall_proto::beacon::{BeaconEnvelope, Event};
use footfall_proto::limits::{CUSTOM_SLOTS, MAX_EVENT_BYTES};
use footfall_proto::relay::DropReason;
use prost::Message;
use smallvec::SmallVec;

use crate::bounds;
use crate::memory_budget::Reservation;

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
    /// What it takes of the memory of all requests, where it is large; given back once it is decided.
    pub memory: Option<Reservation>,
}

/// One event as it was sent, but for texts beyond their bounds.
#[derive(Debug)]
pub struct SubmittedEvent {
    /// An encoded `beacon.Event`, from the client as it was or made from another form. Of no meaning if it cannot be taken.
    pub bytes: Bytes,
    /// The same, decoded; or why it cannot be taken.
    pub event: Result<Event, DropReason>,
    /// The visitor as the sender names it; empty if not.
    pub user_id: String,
    /// The session as the sender names it; empty if not.
    pub session_id: String,
}

impl SubmittedEvent {
    /// An event that came encoded. It is kept as it came, unless a text is too long.
    #[must_use]
    pub fn encoded(bytes: Bytes) -> Self {
        if bytes.len() > MAX_EVENT_BYTES {
            return Self::refused(DropReason::TooLarge);
        }
        match Event::decode(bytes.clone()) {
            // Slots that do not exist cost the event in any case; a crowd of them would take ten times the memory of its bytes.
            Ok(event) if has_slots_only(&event) => Self::within_bounds(bytes, event),
            Ok(_) | Err(_) => Self::refused(DropReason::Invalid),
        }
    }

    /// An event that came in another form.
    #[must_use]
    pub fn made(event: Event) -> Self {
        let bytes = Bytes::from(event.encode_to_vec());
        if bytes.len() > MAX_EVENT_BYTES {
            return Self::refused(DropReason::TooLarge);
        }
        Self::within_bounds(bytes, event)
    }

    /// An event that cannot be taken.
    #[must_use]
    pub fn refused(reason: DropReason) -> Self {
        Self { bytes: Bytes::new(), event: Err(reason), user_id: String::new(), session_id: String::new() }
    }

    fn within_bounds(bytes: Bytes, event: Event) -> Self {
        let (bytes, event) = match bounds::cut(&bytes).map(Bytes::from) {
            Some(cut) => (cut.clone(), Event::decode(cut).map_err(|_| DropReason::Invalid)),
            None => (bytes, Ok(event)),
        };
        Self { bytes, event, user_id: String::new(), session_id: String::new() }
    }
}

fn has_slots_only(event: &Event) -> bool {
    let slots = event.custom_dimensions.keys().chain(event.custom_metrics.keys());
    slots.into_iter().all(|slot| (1..=CUSTOM_SLOTS).contains(slot))
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
    fn each_form_of_an_event_keeps_the_bounds_and_says_the_same() {
        let event = |label: &str| Event { event_label: label.to_owned(), ..Event::default() };
        for (label, kept) in
            [("short", Ok(5)), (&"x".repeat(600), Ok(512)), (&"x".repeat(40_000), Err(DropReason::TooLarge))]
        {
            for sent in [
                SubmittedEvent::made(event(label)),
                SubmittedEvent::encoded(event(label).encode_to_vec().into()),
            ] {
                assert_eq!(
                    sent.event.as_ref().map(|event| event.event_label.len()).map_err(|why| *why),
                    kept
                );
                if let Ok(event) = &sent.event {
                    assert_eq!(sent.bytes, event.encode_to_vec());
                }
            }
        }
        assert_eq!(SubmittedEvent::encoded(vec![0xff; 9].into()).event, Err(DropReason::Invalid));
    }

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
