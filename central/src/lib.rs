//! Central: takes events from the edges, keeps the log, feeds every store and answers reports. It never meets a browser's request.
//!
//! Rooms and the only imports allowed between them (held by `cargo xtask tidy`): `ingest` uses `log`; `sink` uses `log` and
//! `store`; `replay` uses `log`, `sink` and `store`; `query` uses `store`; `api` uses `query` and `store`; `log` and `store` read what
//! is [`secret`]. [`app`] alone names them all.

pub mod admin;
pub mod api;
pub mod app;
pub mod config;
pub mod ingest;
pub mod log;
pub mod query;
pub mod replay;
pub mod secret;
pub mod sink;
pub mod store;
pub mod telemetry;
