//! What became of a request: why it was rejected unread, or what became of each of its submissions. Data only.

use std::borrow::Cow;

use footfall_proto::relay::DropReason;
use http::StatusCode;
use smallvec::SmallVec;

/// One outcome for each submission of a request, in the same order.
pub type Outcomes = SmallVec<[Outcome; 1]>;

/// What became of a submission.
#[derive(Debug)]
pub enum Outcome {
    /// It was looked at event by event; what was accepted is on disk.
    Taken(Taken),
    /// None of it may be sent: 403.
    Refused(DropReason),
    /// It can never be stored: 413.
    TooLarge,
    /// It may be tried again: 503.
    Unavailable(&'static str),
}

/// A submission that was looked at event by event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Events accepted.
    pub accepted: usize,
    /// The others, by index.
    pub dropped: Vec<Dropped>,
}

/// A dropped event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Its index in the submission.
    pub index: usize,
    /// Why.
    pub reason: DropReason,
}

/// Why nothing was taken, as HTTP tells it.
#[derive(Debug)]
pub struct Rejection {
    /// The status of the answer.
    pub status: StatusCode,
    /// Under which reason the events are counted; `None` if they are not dropped, because the client is to try again.
    pub reason: Option<DropReason>,
    /// One sentence for a person.
    pub sentence: Cow<'static, str>,
}

impl Outcome {
    /// What was taken of the submission.
    ///
    /// # Errors
    /// Why nothing was.
    pub fn taken(self) -> Result<Taken, Rejection> {
        let (status, reason, sentence) = match self {
            Self::Taken(taken) => return Ok(taken),
            Self::Refused(reason) => {
                let sentence = match reason {
                    DropReason::UnknownSite => "no site has this tracking id",
                    DropReason::PausedSite => "this site takes no events at the moment",
                    DropReason::Origin => "pages of this origin may not send events for this site",
                    _ => "these events are not taken",
                };
                (StatusCode::FORBIDDEN, Some(reason), sentence)
            }
            Self::TooLarge => {
                let sentence = "the events are too large together";
                (StatusCode::PAYLOAD_TOO_LARGE, Some(DropReason::TooLarge), sentence)
            }
            Self::Unavailable(sentence) => (StatusCode::SERVICE_UNAVAILABLE, None, sentence),
        };
        Err(Rejection { status, reason, sentence: sentence.into() })
    }
}

/// What was taken by a request of a protocol in which each request is one submission.
///
/// # Errors
/// Why nothing was.
pub fn of_one(result: Result<Outcomes, Rejection>) -> Result<Taken, Rejection> {
    result.and_then(|mut outcomes| outcomes.pop().expect("one submission has one outcome").taken())
}
