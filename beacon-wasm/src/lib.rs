//! The beacon that runs in a page: which events to send, when, and when to retry. Everything but `browser` takes time and randomness as
//! arguments and is tested natively; only `browser` touches the page. It must not know any server but by its URL.
//!
//! Read [`tracker`] first. The hand-written shim (`shim/footfall.js`) runs before the module is loaded and queues calls for it.

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
