//! Carries the journal to central: in order, at least once, until central has acknowledged it. Knows no HTTP.

pub mod backoff;
pub mod batch;
pub mod in_flight;
pub mod position;
mod quic;
pub mod status;
mod stream;

pub use quic::{TlsError, tls};
pub use status::RelayStatus;
pub use stream::run;
