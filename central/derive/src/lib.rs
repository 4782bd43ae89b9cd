//! Sessions, conversions and aggregates: functions of the stored events, computed again wherever those have changed. For each partition that
//! this central owns, a [`Progress`] in the store says how far they are; a [`Step`] takes it further; whatever a kill interrupts is
//! done again. Rows are computed in the store itself; what is decided here is pure. Answers no question about them.

mod checksum;
mod dimensions;
mod goals;
mod metrics;
mod pace;
mod partition;
mod progress;
mod request;
mod session_parts;
mod statements;
mod step;
mod supervisor;
mod worker;

pub use checksum::{Checksum, Tables, checksums};
pub use metrics::{Health, Metrics};
pub use pace::Pace;
pub use request::{Position, Reason, Request, left, positions, request};
pub use supervisor::{Derivation, supervise};
