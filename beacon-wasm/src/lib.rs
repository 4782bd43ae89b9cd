//! The beacon inside a page: what to send, when, and how often again. Decisions are plain Rust that is told the time and the
//! randomness, and is tested natively; only `browser` touches the page. It must not know any server but by its URL.
//!
//! Read [`tracker`] first. The hand-written shim (`shim/footfall.js`) runs before all this and notes what it missed.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod call_fields;
pub mod engagement;
pub mod facts;
pub mod message;
pub mod outbox;
pub mod retry;
pub mod tracker;
pub mod visitor;

#[cfg(target_arch = "wasm32")]
mod browser;
