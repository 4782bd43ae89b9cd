//! Carries the journal to central: in order, at least once, until central has acknowledged it. Knows no HTTP.

pub mod batch;
pub mod in_flight;
pub mod position;
mod quic;
mod refused;
mod stream;

pub use quic::{Tls, TlsError, tls};
pub use stream::run;
