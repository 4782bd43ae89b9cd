//! The embedded ClickHouse: ClickHouse's HTTP interface, on loopback, over `libchdb.so`.
//!
//! This crate knows HTTP, ClickHouse's statements and the engine's C interface. It must not know Footfall's tables: its clients use it
//! as they use any ClickHouse server.
//!
//! # Layout
//! - [`engine`]: a safe interface to the library. The only `unsafe` of the workspace is in it.
//! - [`statement`], [`request`], [`access`], [`reader`], [`block`], [`encoding`], [`format`], [`native`]: pure; parsing of requests, access
//!   control, formats.
//! - [`pool`] and [`execute`]: threads with one connection each, and the execution of one query.
//! - [`body`], [`response`], [`service`], [`server`]: request bodies, HTTP responses, connections.
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
pub mod native;
pub mod pool;
pub mod reader;
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
