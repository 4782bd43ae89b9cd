//! The wire: protobuf messages, frames, limits and the closed vocabulary of drop reasons. Pure: no I/O, no clock.
//!
//! Read [`beacon::BeaconBatch`] and [`relay::Record`] first: the first is what a browser sends, the second is what
//! travels from an edge's journal to central's log.

// The beacon needs the messages only, and is built without std.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(not(target_arch = "wasm32"))]
pub mod frame;
pub mod ident;
pub mod limits;
#[cfg(not(target_arch = "wasm32"))]
pub mod reason;
#[cfg(not(target_arch = "wasm32"))]
pub mod traffic_source;
#[cfg(not(target_arch = "wasm32"))]
pub mod view;

/// Messages between the browser and the edge, generated from `schema/beacon.proto`.
#[allow(missing_docs, clippy::pedantic)]
pub mod beacon {
    include!(concat!(env!("OUT_DIR"), "/footfall.beacon.rs"));
}

#[cfg(not(target_arch = "wasm32"))]
/// Messages between the edge and central, generated from `schema/relay.proto`.
#[allow(missing_docs, clippy::pedantic)]
pub mod relay {
    include!(concat!(env!("OUT_DIR"), "/footfall.relay.rs"));
}
