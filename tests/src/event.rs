//! Events as a browser or a server would send them, each with an id of its own.

use footfall_proto::beacon::{BeaconBatch, Event};
use prost::Message;
use serde_json::{Value, json};
use uuid::Uuid;

/// An ordinary browser on an ordinary computer.
pub const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// A page view in the JSON form.
#[must_use]
pub fn page_view(id: Uuid, url: &str) -> Value {
    json!({
        "event_id": id.to_string(),
        "event_type": "pageview",
        "page_url": url,
        "page_title": format!("Title of {url}"),
        "client_timestamp": now_ms(),
    })
}

/// A request body in the JSON form.
#[must_use]
pub fn batch(tracking_id: &str, events: &[Value]) -> String {
    json!({ "tracking_id": tracking_id, "events": events }).to_string()
}

/// A request body as the beacon sends it: protobuf, one page view for each id.
#[must_use]
pub fn beacon_batch(tracking_id: &str, ids: &[Uuid], url: &str) -> Vec<u8> {
    let event = |id: &Uuid| Event {
        event_id: id.as_bytes().to_vec().into(),
        page_view_id: id.as_bytes().to_vec().into(),
        event_type: "pageview".to_owned(),
        client_timestamp_ms: now_ms(),
        page_url: url.to_owned(),
        page_title: "A page".to_owned(),
        ..Event::default()
    };
    let batch = BeaconBatch {
        tracking_id: tracking_id.to_owned(),
        sdk_version: "story".to_owned(),
        page_load_id: Uuid::new_v4().as_bytes().to_vec().into(),
        sent_at_ms: now_ms(),
        screen_width: 1920,
        screen_height: 1080,
        events: ids.iter().map(event).collect(),
        ..BeaconBatch::default()
    };
    batch.encode_to_vec()
}

/// Milliseconds since the Unix epoch.
///
/// # Panics
/// When the clock stands before 1970.
#[must_use]
pub fn now_ms() -> i64 {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("the clock is before the year 292 million")
}
