//! The protocols in which events are sent to the edge, one file or folder each. A protocol says where it is spoken,
//! makes submissions of a request, and makes one answer of their outcomes. Pure: the routes read bodies and answer
//! preflights, and `collect` decides, enriches and stores.
//!
//! To add one, write its file with a `PROTOCOL` in it, as [`pixel`] does, name the file here and give it a line in [`ALL`].

pub mod footfall;
mod number;
pub mod pixel;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, request};

use crate::answer::Answer;
use crate::outcome::{Outcomes, Rejection};
use crate::submission::Submissions;

/// Every protocol that an edge speaks.
#[rustfmt::skip] // One line for each, so that a new one changes no other.
pub static ALL: &[&Protocol] = &[
    &footfall::PROTOCOL,
    &pixel::PROTOCOL,
];

/// One way in which events are sent.
#[derive(Debug)]
pub struct Protocol {
    /// The route's label in metrics.
    pub name: &'static str,
    /// Where it is spoken.
    pub paths: &'static [&'static str],
    /// The methods with which events are sent; preflights, and HEAD where GET is one of them, are answered by the routes.
    pub methods: &'static [Method],
    /// How pages of other origins may use it; `None` if the browser asks for nothing, as with images.
    pub cors: Option<Cors>,
    /// How large a body may be; `None` if a request has none, and one that comes with it is not read.
    pub body: Option<BodyLimit>,
    /// Makes submissions of a request's head and its plain body.
    pub decode: fn(&request::Parts, Bytes) -> Result<Submissions, DecodeError>,
    /// Makes the one answer to a request: from one outcome for each submission, in their order, or from why the
    /// request was rejected before there were any.
    pub answer: fn(&request::Parts, Result<Outcomes, Rejection>) -> Answer,
}

/// What pages of the origins that belong to known sites may do. Pages of other origins may do nothing.
#[derive(Debug)]
pub struct Cors {
    /// The headers that a page may set, as `Access-Control-Allow-Headers` lists them.
    pub request_headers: &'static str,
}

/// How large a body may be, bytes.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit {
    /// As it arrives.
    pub received: usize,
    /// After decompression.
    pub plain: usize,
}

impl Protocol {
    /// The protocol that is spoken at `path`.
    #[must_use]
    pub fn at(path: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|protocol| protocol.paths.contains(&path))
    }

    /// Whether a HEAD is answered, as whatever answers GET has to (RFC 9110, 9.1). It asks what a GET would be answered, and
    /// sends no event: nobody has looked.
    #[must_use]
    pub fn answers_head(&self) -> bool {
        self.methods.contains(&Method::GET)
    }

    /// The methods that are answered, as `Allow` lists them.
    #[must_use]
    pub fn allowed_methods(&self) -> HeaderValue {
        let head = self.answers_head().then_some(Method::HEAD);
        let preflight = self.cors.is_some().then_some(Method::OPTIONS);
        let names: Vec<_> = self.methods.iter().chain(&head).chain(&preflight).map(Method::as_str).collect();
        HeaderValue::try_from(names.join(", ")).expect("methods are tokens")
    }
}

/// A page's address without the blanks and control characters around it, which browsers take no part of it either (WHATWG
/// URL, 4.4).
fn page_address(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

/// Why a whole request cannot be decoded. Permanent: the same bytes fail again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No body at all.
    #[error("the body is empty")]
    Empty,
    /// Not of the protocol's shape.
    #[error("the body is no batch of events: {0}")]
    Malformed(String),
    /// More events than one request may carry.
    #[error("{count} events are more than one request may carry")]
    TooMany {
        /// The site that was named, for the count of what was dropped.
        tracking_id: String,
        /// How many there were.
        count: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_path_and_every_label_belongs_to_one_protocol() {
        let paths: Vec<_> = ALL.iter().flat_map(|protocol| protocol.paths).collect();
        assert_eq!(paths.iter().collect::<BTreeSet<_>>().len(), paths.len());
        for path in paths {
            assert!(path.starts_with('/') && Protocol::at(path).is_some(), "{path}");
            assert!(!["/healthz", "/readyz", "/metrics", "/footfall.js", "/footfall.wasm"].contains(path));
        }
        let names: BTreeSet<_> = ALL.iter().map(|protocol| protocol.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(!["preflight", "asset", "inside", "none"].iter().any(|label| names.contains(label)));
        assert!(Protocol::at("/").is_none());
    }

    #[test]
    fn preflights_are_allowed_where_pages_of_other_origins_send() {
        assert_eq!(footfall::PROTOCOL.allowed_methods(), "POST, OPTIONS");
        assert_eq!(pixel::PROTOCOL.allowed_methods(), "GET, HEAD");
    }
}
