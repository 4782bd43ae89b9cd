//! Carries the journal to central: in order, at least once, until central has acknowledged it. Knows no HTTP.

pub mod batch;
pub mod in_flight;
pub mod position;
mod quic;
mod stream;

pub use quic::{TlsError, tls};
pub use stream::run;
