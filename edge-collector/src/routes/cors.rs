//! What browsers let pages of other origins do: preflights, and who may read an answer.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{StatusCode, request};

use crate::admit::origin_authority;
use crate::answer::{self, Answer};
use crate::edge::Edge;
use crate::header_text;
use crate::protocol::{Cors, Protocol};

const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After, X-Footfall-Reason");

/// Whether the request comes from a page of some known site, which is all that can be asked before its body is read.
/// Without a policy every web origin counts as known.
pub(super) fn is_known_origin(edge: &Edge, request: &HeaderMap) -> bool {
    let origin = header_text::named(request, &ORIGIN);
    let authority = origin.as_deref().and_then(origin_authority);
    match (authority, edge.policies.current()) {
        (Some(authority), Some(policy)) => policy.knows_origin(authority),
        (authority, _) => authority.is_some(),
    }
}

/// The answer to a preflight: the browser asks before it sends, and all that is known yet is the origin.
pub(super) fn preflight(edge: &Edge, protocol: &Protocol, cors: &Cors, head: &request::Parts) -> Answer {
    let known = is_known_origin(edge, &head.headers);
    let mut answer = answer::empty(StatusCode::NO_CONTENT);
    share(&mut answer, &head.headers, known);
    if known {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, protocol.allowed_methods());
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(cors.request_headers));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    answer
}

/// Lets the page that made the request read the answer, if `allowed`.
pub(super) fn share(answer: &mut Answer, request: &HeaderMap, allowed: bool) {
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = request.get(ORIGIN).filter(|_| allowed) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
