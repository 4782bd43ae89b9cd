//! Which path answers what: the protocols, the beacon's files, and what only operators see. Decides nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{ALLOW, HeaderMap, HeaderName, HeaderValue, VARY};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use smallvec::smallvec;

use crate::answer::{self, Answer};
use crate::edge::Edge;
use crate::header_text;
use crate::outcome::{Outcome, Taken};
use crate::protocol::Protocol;

mod admin;
mod asset;
pub mod body;
mod cors;
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
            } else {
                not_allowed(protocol)
            };
            edge.telemetry.answer_seconds.observe(began.elapsed().as_secs_f64());
            (protocol.name, answer)
        }
        (None, &Method::GET | &Method::HEAD) => match edge.assets.get(path) {
            Some(asset) => ("asset", asset::answer(asset, &head.headers)),
            None => match admin::answer(&edge, &head, socket) {
                Some(answer) => ("inside", answer),
                None => ("none", answer::empty(StatusCode::NOT_FOUND)),
            },
        },
        _ => ("none", answer::empty(StatusCode::NOT_FOUND)),
    };
    edge.telemetry.answer(label, answer.status().as_u16());
    answer
}

fn not_allowed(protocol: &Protocol) -> Answer {
    let mut answer = answer::empty(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, protocol.allowed_methods());
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    answer
}

/// The values of `X-Forwarded-For`, in the order in which they came, as far as they can be read from their ends on.
fn forwarded(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    let name = HeaderName::from_static("x-forwarded-for");
    headers.get_all(name).iter().map(header_text::readable_end)
}
