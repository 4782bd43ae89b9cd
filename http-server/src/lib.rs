//! The one HTTP/1 listener of Footfall's programs: how many connections there may be over all and of one address, how long a client may
//! take for a head, a whole body and reading an answer, and the places that are kept for whoever holds a credential. It knows no path
//! and no message; HTTP/2 is not spoken.
//!
//! | file | what it is |
//! | --- | --- |
//! | [`limits`] | every bound, each with what happens beyond it |
//! | [`places`] | who is let in: pure |
//! | [`allowance`] | how long a slow client may be waited for: pure |
//! | [`connection`] | what the parts of one connection tell each other |
//! | [`peer`] | who asks, as a service sees it |
//! | [`open`] | the connections that there are, and who has to go |
//! | [`stream`], [`body`] | bytes in and out, watched |
//! | [`server`] | accepts, watches, drains |

pub mod allowance;
pub mod body;
pub mod connection;
pub mod limits;
pub mod metrics;
mod open;
mod peer;
pub mod places;
pub mod server;
mod stream;

pub use body::{BodyError, RequestBody};
pub use limits::Limits;
pub use metrics::Metrics;
pub use peer::Peer;
pub use server::Server;
