//! Tells any page whether events of a site are taken from it, and why not: `GET` of a protocol's path with `?site=ID`. A page whose
//! origin belongs to no site may not read the refusal of what it sent, which then looks like a lost connection. Takes nothing, counts
//! no drop, and says no more than the refusal itself says to a program.

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderValue, ORIGIN, VARY};
use http::{Method, StatusCode, request};

use crate::admit::{self, Facts, Verdict};
use crate::answer::{self, Answer};
use crate::edge::Edge;
use crate::header_text;
use crate::outcome::Outcome;
use crate::protocol::Protocol;

/// The tracking id that is asked about; `None` when this is another request.
pub(super) fn asked(protocol: &Protocol, head: &request::Parts) -> Option<String> {
    if protocol.cors.is_none() || protocol.methods.contains(&head.method) || head.method != Method::GET {
        return None;
    }
    let query = head.uri.query().unwrap_or_default();
    let site = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "site");
    site.map(|(_, site)| site.into_owned())
}

/// 204, or the answer that refuses.
pub(super) fn answer(edge: &Edge, head: &request::Parts, site: &str) -> Answer {
    let origin = header_text::named(&head.headers, &ORIGIN);
    let outcome = match edge.policies.current() {
        None => Some(Outcome::Unavailable("no policy has come from central yet")),
        Some(policy) => {
            match admit::request(&policy, site, &Facts { origin: origin.as_deref(), ..Facts::default() }) {
                Verdict::Refused(_, reason) => Some(Outcome::Refused(reason)),
                Verdict::Admitted(_) | Verdict::Dropped(..) => None,
            }
        }
    };
    let mut answer = match outcome.map(Outcome::taken) {
        Some(Err(rejection)) => answer::rejection(&rejection),
        _ => answer::empty(StatusCode::NO_CONTENT),
    };
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    answer
}
