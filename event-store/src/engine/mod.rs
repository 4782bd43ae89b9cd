//! `libchdb.so` behind a safe face: a library, connections, one running statement per connection. Knows no HTTP.
//!
//! Every call blocks: it belongs on a thread of [`crate::pool`], never on an asynchronous one.

mod connection;
mod exception;
mod insert_stream;
mod library;
mod select_stream;
mod writes;

pub use connection::{Connection, OpenError, Outcome, Progress};
pub use exception::{Fault, code};
pub use insert_stream::Insertion;
pub use library::{Class, Classified, Library, LoadError, settle};
pub use select_stream::Selection;

/// One `param_NAME` of a statement. Values are in ClickHouse's escaped (TSV) form, as clients send them.
pub type Parameter = (String, String);
