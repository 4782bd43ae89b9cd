//! Footfall's own protocol: a `BeaconBatch` or the documented JSON. Pure.

pub mod json;
pub mod protobuf;

use bytes::Bytes;

use crate::submission::{DecodeError, Submission};

/// Reads a plain body: JSON when it begins like it, else protobuf.
///
/// # Errors
/// [`DecodeError`]; all of the submission is then refused.
pub fn read(body: Bytes) -> Result<Submission, DecodeError> {
    match body.first() {
        None => Err(DecodeError::Empty),
        Some(b'{' | b'[') => json::read(&body),
        Some(_) => protobuf::read(body),
    }
}
