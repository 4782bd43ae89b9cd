//! Events that own what they say, to be shown to the live view.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::time::UNIX_EPOCH;

use footfall_live::{Live, LiveEvent, LiveWriter, SourcePartition};

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64
}

/// An writer that nothing has come through yet.
pub(crate) async fn begun(live: &Live, source: SourcePartition) -> LiveWriter {
    let mut writer = live.writer(source);
    writer.ready().await;
    assert_eq!(writer.begin().await.expect("an answer"), None);
    writer.restart(0, now_ms()).await.expect("begun");
    writer
}

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) offset: u64,
    pub(crate) website_id: String,
    pub(crate) at_ms: i64,
    pub(crate) page_view: bool,
    pub(crate) user_id: String,
    pub(crate) session_id: String,
    pub(crate) page_path: String,
}

impl Seen {
    /// A page view of website `w`.
    pub(crate) fn view(offset: u64, user_id: &str, page_path: &str, at_ms: i64) -> Self {
        Self {
            offset,
            website_id: "w".to_owned(),
            at_ms,
            page_view: true,
            user_id: user_id.to_owned(),
            session_id: format!("session-of-{user_id}"),
            page_path: page_path.to_owned(),
        }
    }
}

/// They, borrowed; each from Google's results, from Germany, on a mobile.
pub(crate) fn live_events(seen: &[Seen]) -> Vec<LiveEvent<'_>> {
    seen.iter().map(sighting).collect()
}

fn sighting(seen: &Seen) -> LiveEvent<'_> {
    LiveEvent {
        offset: seen.offset,
        website_id: &seen.website_id,
        at_ms: seen.at_ms,
        page_view: seen.page_view,
        user_id: &seen.user_id,
        session_id: &seen.session_id,
        page_path: &seen.page_path,
        source: "google",
        channel: "organic",
        country: "DE",
        device_type: "mobile",
    }
}
