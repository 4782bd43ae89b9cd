//! The journal as its owners use it: opened, appended to, read, killed and damaged through its public interface alone.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod appending;
mod damage;
mod harness;
mod kill;
mod model;
mod reading;
mod retention;
