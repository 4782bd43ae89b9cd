//! Carries the journal to central: in order, at least once, until central has acknowledged it. Knows no HTTP.

pub mod backoff;
pub mod batch;
pub mod link;
pub mod position;
mod quic;
mod stream;
pub mod window;

pub use link::Link;
pub use quic::{TlsError, tls};
pub use stream::run;
