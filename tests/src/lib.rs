//! The harness that tells stories: the real system of `cargo xtask up`, an outside ledger of what was answered, a browser.
//!
//! Read [`cluster::cluster`] first. Nothing here looks inside a server: everything is seen as a site owner, an operator or
//! a visitor would see it.

pub mod beside;
pub mod browser;
pub mod cluster;
pub mod event;
pub mod http;
pub mod ledger;
pub mod listen;
pub mod load;
pub mod random;
pub mod recorder;
pub mod run;
pub mod services;
pub mod setting;
pub mod stage;
pub mod tiers;

pub use footfall_harness::wait;
