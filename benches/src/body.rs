//! The body that every load generator posts: one page view of about 600 bytes, as the beacon would send it. Builds bytes only.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use footfall_proto::beacon::{BeaconBatch, ClientHints, Consent, Event};
use prost::Message as _;

/// Stands in the template where each request's own event id goes.
const PLACEHOLDER: [u8; 16] = *b"\x01event-id-here!\x01";

/// An encoded batch of one page view, and where its event id stands.
#[derive(Debug)]
pub(crate) struct Template {
    /// The whole body, bytes.
    pub(crate) bytes: Vec<u8>,
    /// Offset of the 16 bytes that each request replaces.
    pub(crate) id_at: usize,
}

/// A page view of `tracking_id`, of the size of a real one.
#[must_use]
pub(crate) fn page_view(tracking_id: &str, now_ms: i64) -> BeaconBatch {
    BeaconBatch {
        tracking_id: tracking_id.to_owned(),
        sdk_version: "0.1.0".to_owned(),
        page_load_id: vec![7; 16].into(),
        sent_at_ms: now_ms,
        screen_width: 2560,
        screen_height: 1440,
        viewport_width: 1280,
        viewport_height: 1100,
        language: "en-GB".to_owned(),
        timezone: "Europe/London".to_owned(),
        hints: Some(ClientHints {
            platform: "Linux".to_owned(),
            platform_version: "6.1.0".to_owned(),
            mobile: Some(false),
            brands: vec!["Chromium/142".to_owned(), "Not_A Brand/99".to_owned()],
            ..ClientHints::default()
        }),
        consent: Consent::Unspecified.into(),
        events: vec![Event {
            event_id: PLACEHOLDER.to_vec().into(),
            page_view_id: vec![9; 16].into(),
            event_type: "pageview".to_owned(),
            client_timestamp_ms: now_ms,
            page_url:
                "http://127.0.0.1/articles/2026/how-we-count-visits-without-cookies?utm_source=newsletter\
                       &utm_medium=email&utm_campaign=november-digest&utm_content=top-story"
                    .to_owned(),
            page_title: "How we count visits without cookies, and why a daily salt is enough".to_owned(),
            page_referrer: "https://www.example.org/links/analytics/privacy-friendly-tools-compared"
                .to_owned(),
            custom_dimensions: [(1, "subscriber".to_owned()), (2, "long-read".to_owned())].into(),
            ..Event::default()
        }],
        ..BeaconBatch::default()
    }
}

/// The encoded form of [`page_view`].
#[must_use]
pub(crate) fn template(tracking_id: &str, now_ms: i64) -> Template {
    let bytes = page_view(tracking_id, now_ms).encode_to_vec();
    let id_at = bytes
        .windows(PLACEHOLDER.len())
        .position(|window| window == PLACEHOLDER)
        .expect("the placeholder was just encoded");
    Template { bytes, id_at }
}

/// Writes what the wrk script reads into `folder` and returns the path of the script.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write_script(folder: &Path, template: &Template) -> anyhow::Result<PathBuf> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        anyhow::Ok(path)
    };
    write("body.bin", &template.bytes)?;
    write("agents.txt", include_bytes!("../assets/agents.txt"))?;
    write("post.lua", include_bytes!("../assets/post.lua"))
}
