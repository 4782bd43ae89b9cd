//! A durable append-only log in a folder: group commit, readers by offset, recovery. Must not know what is in a record.
//!
//! Begin with [`Journal`]. An append is acknowledged once an `fdatasync` has returned for it; one sync serves all
//! that wait. Readers see only what is acknowledged. Damage costs the records it hits, leaves holes and never
//! renumbers. The file format stands in `record` and `segment`, the promises and their limits in the room's `README.md`.
//!
//! # Layout
//! - bytes, no I/O: `record`, `segment`, `scan`, `contents`, `recovery`
//! - decisions, no I/O: `queue`, `segments`, `holes`, `retention`, `options`, `maintenance_requests`
//! - I/O: `opening`, `writer`, `maintenance`, `reader`, over `allocation`, `folder` and `storage`; they meet in `shared`
//! - beside all that, without a lock: `inspect`

mod allocation;
mod contents;
mod epoch;
mod error;
mod folder;
mod holes;
mod inspect;
mod journal;
mod maintenance;
mod maintenance_requests;
mod opening;
mod options;
mod queue;
mod reader;
mod record;
mod recovery;
mod retention;
mod scan;
mod segment;
mod segments;
mod shared;
mod stats;
mod storage;
mod writer;

#[cfg(test)]
mod faults;

pub use epoch::Epoch;
pub use error::{AppendError, OpenError, ReadError};
pub use folder::LOCK;
pub use inspect::inspect;
pub use journal::Journal;
pub use options::{Options, Retention};
pub use queue::{Appended, Pending};
pub use reader::{Chunk, Entry, Reader};
pub use recovery::Recovery;
pub use stats::Stats;
