//! The embedded ClickHouse: ClickHouse's HTTP interface, on loopback, over `libchdb.so`.
//!
//! This room knows HTTP, ClickHouse's statements and the engine's C interface. It must not know Footfall's tables: it is
//! a ClickHouse like any other, and whoever speaks to it cannot tell which one answers.
//!
//! # Layout
//! - [`engine`]: the library behind a safe face. The only `unsafe` of the workspace is in it.
//! - [`statement`], [`request`], [`gate`], [`block`], [`encoding`], [`format`]: pure; what a request says and whether it may.
//! - [`pool`] and [`perform`]: threads with one connection each, and what they do with one request.
//! - [`body`], [`answer`], [`handle`], [`server`]: bytes in, bytes out.
//! - [`config`], [`credentials`], [`confine`], [`layout`]: from a command line to a process that may start.
//! - [`testing`]: such a process for one test, of this or of any other project.

pub mod answer;
pub mod block;
pub mod body;
pub mod config;
pub mod confine;
pub mod credentials;
pub mod encoding;
pub mod engine;
pub mod format;
pub mod gate;
pub mod handle;
pub mod layout;
pub mod limits;
pub mod perform;
pub mod pool;
pub mod request;
pub mod server;
pub mod statement;
pub mod testing;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
