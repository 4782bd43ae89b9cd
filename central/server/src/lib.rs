//! Central: takes events from the edges, keeps the log, feeds every store and answers reports. It never meets a browser's request.
//!
//! The crates beside this one do the work and know one outside system each; here stand the relay's ingest, the API with its
//! dashboard, the commands, the configuration, and [`app`], which alone names concrete backends.

pub mod admin;
pub mod api;
pub mod app;
pub mod command;
pub mod config;
pub mod ingest;
pub mod telemetry;
