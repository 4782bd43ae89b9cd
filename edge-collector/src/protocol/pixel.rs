//! The pixel, `GET /p.gif`: one event from pages that run no script. The answer is an image. Pure.

use bytes::Bytes;
use footfall_proto::beacon::{BeaconEnvelope, Event};
use footfall_proto::limits::MAX_TEXT_BYTES;
use footfall_proto::relay::DropReason;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, REFERER};
use http::{Method, Response, request};
use http_body_util::Full;
use prost::Message;
use smallvec::smallvec;

use super::Protocol;
use crate::answer::{self, Answer};
use crate::enrich::cut;
use crate::outcome::{self, Outcomes, Rejection};
use crate::submission::{Submission, SubmittedEvent};

/// What an `<img>` in a page speaks. Its request names no origin; the page stands in the URL and the referrer.
pub static PROTOCOL: Protocol = Protocol {
    name: "pixel",
    paths: &["/p.gif"],
    methods: &[Method::GET],
    cors: None,
    body: None,
    decode: |head, _| Ok(smallvec![decode(head)]),
    answer,
};

/// The smallest transparent GIF.
const IMAGE: [u8; 43] = *b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

fn decode(head: &request::Parts) -> Submission {
    let embedding_page = head.headers.get(REFERER).and_then(|referrer| referrer.to_str().ok());
    read(head.uri.query().unwrap_or_default(), embedding_page)
}

/// Reads `s` tracking id, `u` page URL, `r` referrer, `t` title, `e` event type (a page view unless named) and, for
/// events, `c` category, `a` action, `l` label, `v` value. Without `u` the page is the one that embeds the image.
fn read(query: &str, embedding_page: Option<&str>) -> Submission {
    let mut shared = BeaconEnvelope::default();
    let mut event = Event { event_type: "pageview".into(), ..Event::default() };
    let mut invalid = false;
    let mut unknown_keys = 0;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let text = || cut(&value, MAX_TEXT_BYTES).to_owned();
        match &*key {
            "s" => shared.tracking_id = text(),
            "u" => event.page_url = text(),
            "r" => event.page_referrer = text(),
            "t" => event.page_title = text(),
            "e" if !value.is_empty() => event.event_type = text(),
            "c" => event.event_category = text(),
            "a" => event.event_action = text(),
            "l" => event.event_label = text(),
            "v" => match value.parse() {
                Ok(number) => event.event_value = Some(number),
                Err(_) => invalid = true,
            },
            _ => unknown_keys += 1,
        }
    }
    if event.page_url.is_empty() {
        cut(embedding_page.unwrap_or_default(), MAX_TEXT_BYTES).clone_into(&mut event.page_url);
    }
    let bytes = Bytes::from(event.encode_to_vec());
    let event = if invalid { Err(DropReason::Invalid) } else { Ok(event) };
    let sent = SubmittedEvent { bytes, event, user_id: String::new(), session_id: String::new() };
    Submission { shared, events: vec![sent], unknown_keys, ..Submission::default() }
}

/// An image unless nothing was taken, so that a page shows nothing broken.
fn answer(_: &request::Parts, result: Result<Outcomes, Rejection>) -> Answer {
    let mut answer = match outcome::of_one(result) {
        Ok(taken) => {
            let mut answer = Response::new(Full::from(Bytes::from_static(&IMAGE)));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
            answer::name_first_reason(&mut answer, &taken.dropped);
            answer
        }
        Err(rejection) => answer::rejection(&rejection),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_query_becomes_a_page_view() {
        let read =
            read("s=FF-1&u=https%3A%2F%2Fexample.org%2Fa%3Fb&t=A+title&r=https%3A%2F%2Ft.co%2F&x=1", None);
        assert_eq!(read.shared.tracking_id, "FF-1");
        assert_eq!(read.unknown_keys, 1);
        let event = read.events[0].event.as_ref().expect("valid");
        assert_eq!(
            (event.event_type.as_str(), event.page_url.as_str()),
            ("pageview", "https://example.org/a?b")
        );
        assert_eq!((event.page_title.as_str(), event.page_referrer.as_str()), ("A title", "https://t.co/"));
    }

    #[test]
    fn the_page_is_the_embedding_one_unless_named() {
        let read = read("s=FF-1&e=event&v=x", Some("https://example.org/p"));
        assert_eq!(read.events[0].event.as_ref().err(), Some(&DropReason::Invalid));
        let read = super::read("s=FF-1", Some("https://example.org/p"));
        assert_eq!(read.events[0].event.as_ref().expect("valid").page_url, "https://example.org/p");
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,200}") {
            let _ = read(&query, Some(&query));
        }
    }
}
