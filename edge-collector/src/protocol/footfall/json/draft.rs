//! An event that is being made of a document's fields. Data only.

use footfall_proto::beacon::Event;

/// An event under way.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) event: Event,
    pub(super) user_id: String,
    pub(super) session_id: String,
    /// The site that the event names itself; empty if it does not.
    pub(super) tracking_id: String,
}
