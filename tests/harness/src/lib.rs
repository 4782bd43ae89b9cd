//! What several test programs need, once each: certificates, an edge that says what a test wants, programs that say when they are ready,
//! a network that loses and delays, the report of the real servers, waiting with a deadline. For tests and benchmarks: everything here panics where it cannot go on.
//!
//! It knows no crate of the product but `footfall-daemon` and `footfall-proto`, so that any of them can use it in its tests.

pub mod authority;
pub mod edge;
pub mod process;
pub mod record;
pub mod relay;
pub mod services;
pub mod wait;
