//! The edge collector: takes events over HTTP, makes them durable, then answers, and forwards them to central over QUIC.
//!
//! Read [`collect`] first: it is the path of one request, from submissions to their outcomes. Everything that decides
//! ([`admit`], [`dedup`], [`session`], [`forward::in_flight`]) is pure: time and randomness are arguments. This room
//! knows no broker and no database.

pub mod admit;
pub mod answer;
pub mod assets;
pub mod bounds;
pub mod collect;
pub mod config;
pub mod content_encoding;
pub mod decoding;
pub mod dedup;
pub mod edge;
pub mod enrich;
pub mod forward;
pub mod generations;
pub mod header_text;
pub mod health;
pub mod memory_budget;
pub mod outcome;
pub mod peer;
pub mod pending_commit;
pub mod policy;
pub mod protocol;
pub mod refusals;
pub mod routes;
pub mod server;
pub mod session;
pub mod session_source;
pub mod submission;
pub mod tally;
pub mod telemetry;
pub mod windows;

pub use config::Config;
pub use server::run;
