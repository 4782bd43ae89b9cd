//! The embedded ClickHouse: ClickHouse's HTTP interface, on loopback, over `libchdb.so`.
//!
//! This room knows HTTP, ClickHouse's statements and the engine's C interface. It must not know Footfall's tables: it is
//! a ClickHouse like any other, and whoever speaks to it cannot tell which one answers.
//!
//! # Layout
//! - [`engine`]: the library behind a safe face. The only `unsafe` of the workspace is in it.
//! - [`statement`], [`request`], [`access`], [`block`], [`encoding`], [`format`]: pure; what a request says and whether it may.
//! - [`pool`] and [`execute`]: threads with one connection each, and what they do with one request.
//! - [`body`], [`response`], [`service`], [`server`]: bytes in, bytes out.
//! - [`config`], [`credentials`], [`sandbox`], [`layout`]: from a command line to a process that may start.
//! - [`testing`]: such a process for one test, of this or of any other project.

pub mod access;
pub mod block;
pub mod body;
pub mod config;
pub mod credentials;
pub mod encoding;
pub mod engine;
pub mod execute;
pub mod format;
pub mod layout;
pub mod limits;
pub mod pool;
pub mod request;
pub mod response;
pub mod sandbox;
pub mod server;
pub mod service;
pub mod statement;
pub mod testing;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
