//! A safe interface to `libchdb.so`: the library, connections, one running statement per connection. Knows no HTTP.
//!
//! Every call blocks: call it on a thread of [`crate::pool`], never on an asynchronous one.

mod connection;
mod exception;
mod insert_stream;
mod library;
mod select_stream;
mod thread;
mod writes;

pub use connection::{Connection, OpenError, Outcome, Progress};
pub use exception::{Exception, code};
pub use insert_stream::InsertStream;
pub use library::{Class, Classified, Library, LoadError, isolate_environment};
pub use select_stream::SelectStream;
pub use thread::{current_thread, set_default_stack};

/// One `param_NAME` of a statement. Values are in ClickHouse's escaped (TSV) form, as clients send them.
pub type Parameter = (String, String);
