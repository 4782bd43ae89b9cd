//! Who is behind a referrer. Data only.

use std::borrow::Cow;

use footfall_proto::traffic_source::TrafficSource;

/// Who is behind a host, an app or a campaign's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sender<'a> {
    pub(super) class: TrafficSource,
    /// In lower case.
    pub(super) name: Cow<'a, str>,
}
