//! The pixel, `GET /p.gif`: one event from pages that run no script. The answer is an image. Pure.

use bytes::Bytes;
use footfall_proto::beacon::{BeaconEnvelope, Event};
use footfall_proto::limits::MAX_TEXT_BYTES;
use footfall_proto::relay::DropReason;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, REFERER};
use http::{Method, Response, request};
use http_body_util::Full;
use smallvec::smallvec;

use super::{Protocol, number, page_address};
use crate::answer::{self, Answer};
use crate::enrich::cut;
use crate::header_text;
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
    let embedding_page = header_text::named(&head.headers, &REFERER);
    read(head.uri.query().unwrap_or_default(), embedding_page.as_deref())
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
            "u" => cut(page_address(&value), MAX_TEXT_BYTES).clone_into(&mut event.page_url),
            "r" => event.page_referrer = text(),
            "t" => event.page_title = text(),
            "e" if !value.is_empty() => event.event_type = text(),
            "c" => event.event_category = text(),
            "a" => event.event_action = text(),
            "l" => event.event_label = text(),
            "v" if value.trim().is_empty() => {}
            "v" => match number::read(&value) {
                Some(number) => event.event_value = Some(number),
                None => invalid = true,
            },
            _ => unknown_keys += 1,
        }
    }
    if event.page_url.is_empty() {
        cut(embedding_page.unwrap_or_default(), MAX_TEXT_BYTES).clone_into(&mut event.page_url);
    }
    let sent =
        if invalid { SubmittedEvent::refused(DropReason::Invalid) } else { SubmittedEvent::made(event) };
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

    #[test]
    fn a_value_is_a_number_to_its_end_or_costs_the_event() {
        for (query, value) in [
            ("v=12.5", Ok(Some(12.5))),
            ("v=+5%20", Ok(Some(5.0))),
            ("v=", Ok(None)),
            ("v=1&v=2", Ok(Some(2.0))),
            ("v=1%2C5", Err(DropReason::Invalid)),
            ("v=NaN", Err(DropReason::Invalid)),
            ("v=inf", Err(DropReason::Invalid)),
            ("v=1e999", Err(DropReason::Invalid)),
            ("v=true", Err(DropReason::Invalid)),
        ] {
            let mut read = read(&format!("s=FF-1&e=event&{query}"), None);
            assert_eq!(read.events.remove(0).event.map(|event| event.event_value), value, "{query}");
        }
    }

    #[test]
    fn texts_are_cut_to_their_bounds_at_a_character() {
        let query =
            format!("s=FF-1&u=%0Ahttps://example.org/{}+&l={}", "%C3%A4".repeat(2000), "x".repeat(600));
        let event = read(&query, None).events.remove(0).event.expect("valid");
        assert!(
            event.page_url.starts_with("https://example.org/\u{e4}") && event.page_url.ends_with('\u{e4}')
        );
        assert_eq!((event.page_url.len(), event.event_label.len()), (2048, 512));
    }

    #[test]
    fn an_embedding_page_with_a_byte_beyond_ascii_is_still_a_page() {
        for (bytes, page) in [
            (&b"https://example.org/stra\xdfe"[..], "https://example.org/straße"),
            ("https://example.org/straße".as_bytes(), "https://example.org/straße"),
        ] {
            let request = http::Request::builder().uri("/p.gif?s=FF-1").header(REFERER, bytes);
            let (head, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(decode(&head).events[0].event.as_ref().expect("valid").page_url, page);
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,200}") {
            let _ = read(&query, Some(&query));
        }
    }
}
