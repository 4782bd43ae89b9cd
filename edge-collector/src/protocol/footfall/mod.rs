//! Footfall's own protocol, `POST /e`: a `BeaconBatch` or the documented JSON, one submission either way. The answer is
//! empty when every event was accepted, else JSON that says what became of each.

mod json;
mod protobuf;

use bytes::Bytes;
use footfall_proto::limits::{MAX_BODY_BYTES, MAX_PLAIN_BODY_BYTES};
use footfall_proto::reason;
use http::header::ACCEPT;
use http::{Method, StatusCode, request};
use serde_json::json;
use smallvec::smallvec;

use super::{BodyLimit, Cors, DecodeError, Protocol};
use crate::answer::{self, Answer};
use crate::header_text;
use crate::outcome::{self, Outcomes, Rejection, Taken};
use crate::submission::Submission;

/// What the beacon speaks, and whoever writes JSON by hand.
pub static PROTOCOL: Protocol = Protocol {
    name: "e",
    paths: &["/e"],
    methods: &[Method::POST],
    cors: Some(Cors { request_headers: "Content-Type, Content-Encoding, Accept" }),
    body: Some(BodyLimit { received: MAX_BODY_BYTES, plain: MAX_PLAIN_BODY_BYTES }),
    decode: |_, body| read(body).map(|submission| smallvec![submission]),
    answer,
};

/// Reads a plain body: JSON when it begins like it, else protobuf, no batch of which begins so.
fn read(body: Bytes) -> Result<Submission, DecodeError> {
    if body.is_empty() {
        return Err(DecodeError::Empty);
    }
    match json_text(&body) {
        Some(text) => json::read(text),
        None => protobuf::read(body),
    }
}

/// The JSON that a body is, without a byte-order mark before it; `None` if it begins like none. A batch may begin like the
/// blanks before a JSON text: a line feed is the key of its tracking id. What stands behind the first bracket tells them
/// apart, as no tracking id begins with a bracket and a quotation mark.
fn json_text(body: &[u8]) -> Option<&[u8]> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if let [b'{' | b'[', ..] = text {
        return Some(text);
    }
    let mut signs = text.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let begins = matches!((signs.next()?, signs.next()?), (b'{', b'"' | b'}') | (b'[', b'{' | b']'));
    begins.then_some(text)
}

fn answer(head: &request::Parts, result: Result<Outcomes, Rejection>) -> Answer {
    let Taken { accepted, dropped } = match outcome::of_one(result) {
        Ok(taken) => taken,
        Err(rejection) => return answer::rejection(&rejection),
    };
    let accept = header_text::named(&head.headers, &ACCEPT);
    let wants_json = accept.is_some_and(|accept| accept.contains("application/json"));
    if dropped.is_empty() && !wants_json {
        return answer::empty(StatusCode::NO_CONTENT);
    }
    let rows: Vec<_> = dropped
        .iter()
        .map(|dropped| json!({ "index": dropped.index, "reason": reason::name(dropped.reason) }))
        .collect();
    let mut answer = answer::json(StatusCode::OK, &json!({ "accepted": accepted, "dropped": rows }));
    answer::name_first_reason(&mut answer, &dropped);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_proto::beacon::{BeaconBatch, Event};
    use proptest::prelude::*;
    use prost::Message;

    const DOCUMENT: &str = r#"{"tracking_id":"FF-1","events":[{"event_type":"event"}]}"#;

    #[test]
    fn blanks_and_a_byte_order_mark_may_stand_before_a_document() {
        for before in ["", " ", "\n", "\r\n", "\t", " \n\n", "\n \t", "\u{feff}", "\u{feff}\r\n "] {
            for document in [DOCUMENT, &format!("[ {DOCUMENT}]"), "{ }", "{\n\"events\" : [ ] }", "[ ]"] {
                let read = read(Bytes::from(format!("{before}{document}\r\n "))).expect("JSON");
                assert!(read.events.iter().all(|sent| sent.event.is_ok()), "{before:?}{document}");
            }
        }
    }

    #[test]
    fn what_is_neither_form_is_refused() {
        assert_eq!(read(Bytes::new()).err(), Some(DecodeError::Empty));
        let utf_16: Vec<u8> =
            format!("\u{feff}{DOCUMENT}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut latin_1 = DOCUMENT.replace("FF-1", "caf?").into_bytes();
        latin_1.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xe9);
        for body in [
            &b" "[..],
            b"\xef\xbb\xbf",
            b"\n{",
            b"null",
            b"\"text\"",
            b"12",
            format!("{DOCUMENT}\0").as_bytes(),
            format!("{DOCUMENT}{DOCUMENT}").as_bytes(),
            format!("\u{feff}\u{feff}{DOCUMENT}").as_bytes(),
            &utf_16,
            &latin_1,
        ] {
            let read = read(Bytes::copy_from_slice(body));
            assert!(matches!(read, Err(DecodeError::Malformed(_))), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn no_batch_is_taken_for_a_document(tracking_id in "[A-Za-z0-9_.-]{0,140}", sequence in any::<u32>()) {
            let mut batch = BeaconBatch { tracking_id, sequence, ..BeaconBatch::default() };
            batch.events.push(Event { event_type: "event".into(), ..Event::default() });
            let read = read(batch.encode_to_vec().into()).expect("a batch");
            prop_assert_eq!(&read.shared.tracking_id, &batch.tracking_id);
            prop_assert_eq!((read.shared.sequence, read.events.len()), (sequence, 1));
        }
    }
}
