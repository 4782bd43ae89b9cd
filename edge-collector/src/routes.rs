//! Which path answers what: the protocols and the beacon's files. Decides nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{ALLOW, HeaderMap, HeaderName};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use smallvec::smallvec;

use crate::answer::{self, Answer};
use crate::edge::Edge;
use crate::header_text;
use crate::outcome::{Outcome, Taken};
use crate::protocol::Protocol;

mod asset;
pub mod body;
mod cors;
mod eligibility;
mod submit;

/// Answers one request; never fails.
pub async fn answer(edge: Arc<Edge>, request: Request<Incoming>, socket: SocketAddr) -> Answer {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let (label, answer) = match (Protocol::at(path), &head.method) {
        (Some(protocol), method) => {
            let answer = if protocol.methods.contains(method) {
                submit::submit(&edge, protocol, &head, body, socket).await
            } else if let (Some(cors), &Method::OPTIONS) = (&protocol.cors, method) {
                let answer = cors::preflight(&edge, protocol, cors, &head);
                edge.telemetry.answer("preflight", answer.status().as_u16());
                return answer;
            } else if method == Method::HEAD && protocol.answers_head() {
                (protocol.answer)(&head, Ok(smallvec![Outcome::Taken(Taken::default())]))
            } else if let Some(site) = eligibility::asked(protocol, &head) {
                let answer = eligibility::answer(&edge, &head, &site);
                edge.telemetry.answer("eligibility", answer.status().as_u16());
                return answer;
            } else {
                not_allowed(&edge, protocol, &head.headers)
            };
            edge.telemetry.answer_seconds.observe(began.elapsed().as_secs_f64());
            (protocol.name, answer)
        }
        (None, &Method::GET | &Method::HEAD) => match edge.assets.get(path) {
            Some(asset) => ("asset", asset::answer(asset, &head.headers)),
            None => ("none", not_found(&edge, &head.headers)),
        },
        _ => {
            body::discard(body).await;
            ("none", not_found(&edge, &head.headers))
        }
    };
    edge.telemetry.answer(label, answer.status().as_u16());
    answer
}

fn not_allowed(edge: &Edge, protocol: &Protocol, request: &HeaderMap) -> Answer {
    let mut answer = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, protocol.allowed_methods());
    cors::share(&mut answer, request, cors::is_known_origin(edge, request));
    answer
}

/// A page that sends to a wrong path may read that, if its origin is known.
fn not_found(edge: &Edge, request: &HeaderMap) -> Answer {
    let mut answer = answer::json(StatusCode::NOT_FOUND, &json!({ "error": "nothing is at this path" }));
    cors::share(&mut answer, request, cors::is_known_origin(edge, request));
    answer
}

/// The values of `X-Forwarded-For`, in the order in which they came, as far as they can be read from their ends on.
fn forwarded(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    let name = HeaderName::from_static("x-forwarded-for");
    headers.get_all(name).iter().map(header_text::readable_end)
}
