//! The documented JSON: keys are the tables' column names, and each event becomes an encoded `beacon.Event`. A value may be
//! of another type than its column where it can be read as one; what cannot costs its event and no other. Pure.

mod column;
mod document;
mod draft;
mod event;
mod shared;
mod timestamp;
mod value;

use footfall_proto::limits::MAX_EVENTS_PER_BATCH;

use crate::protocol::DecodeError;
use crate::submission::{Credential, Submission};
use document::Document;

/// Reads a document, which is UTF-8 (RFC 8259, 8.1).
pub(super) fn read(body: &[u8]) -> Result<Submission, DecodeError> {
    let malformed = |error: &dyn std::error::Error| DecodeError::Malformed(error.to_string());
    let text = str::from_utf8(body).map_err(|error| malformed(&error))?;
    let document = Document::read(text).map_err(|error| malformed(&error))?;
    match &document.events {
        Some(events) if events.count > MAX_EVENTS_PER_BATCH => {
            let tracking_id = document.shared.tracking_id;
            Err(DecodeError::TooMany { tracking_id, count: events.count })
        }
        _ => Ok(submission(document)),
    }
}

fn submission(document: Document<'_>) -> Submission {
    let Document { shared, own, events } = document;
    // Whoever writes JSON may be a program, and says so by writing it: no credential is asked for.
    let mut submission = Submission { credential: Credential::NotRequired, shared, ..Submission::default() };
    let events = match events {
        Some(events) => {
            submission.unknown_keys += own.known() + own.unknown;
            events.kept
        }
        // A lone event.
        None => vec![Some(own)],
    };
    // A bare list has no wrapper: its first event names the site.
    if submission.shared.tracking_id.is_empty() {
        let named = events.first().and_then(|event| event.as_ref()?.tracking_id());
        submission.shared.tracking_id = named.unwrap_or_default().into_owned();
    }
    for fields in &events {
        submission.unknown_keys += fields.as_ref().map_or(0, |fields| fields.unknown);
        submission.events.push(event::sent(fields.as_ref(), &submission.shared.tracking_id));
    }
    submission
}

#[cfg(test)]
mod tests;
