//! A network between two programs that loses, delays, repeats, reorders and cuts, as a seed tells it to.

pub mod schedule;
mod tcp;
mod udp;

pub use schedule::{Conditions, Direction};
pub use tcp::{Pace, TcpRelay};
pub use udp::{Counts, UdpRelay};
