//! What the events of one submission share once it is enriched: device, location, language. Looks things up only.

use bytes::Bytes;
use footfall_proto::beacon::Consent;
use footfall_proto::limits::MAX_TEXT_BYTES;
use footfall_proto::relay::Visit;

use super::RequestFacts;
use crate::edge::Edge;
use crate::enrich::hints::Hints;
use crate::enrich::ua::{Agent, corrected};
use crate::enrich::{cut, privacy};
use crate::policy::Site;
use crate::submission::Submission;

/// Longest language, timezone and version of a client that is kept, bytes.
const MAX_SHARED_BYTES: usize = 64;
/// No screen is wider or higher, CSS pixels.
const MAX_SCREEN: u32 = 65_535;

pub(super) fn visit(
    edge: &Edge,
    site: &Site,
    submission: &Submission,
    request: RequestFacts<'_>,
    agent: &Agent,
    bot: bool,
) -> Visit {
    let shared = &submission.shared;
    let hints =
        Hints::of(shared.hints.as_ref(), request.hint_platform, request.hint_mobile, request.hint_brands);
    let agent = corrected(agent, hints);
    let location = edge.geo.locate(request.address);
    let keeps_address = matches!(shared.consent(), Consent::Granted) && !site.ip_anonymization;
    let address = if keeps_address { request.address } else { privacy::cut_address(request.address) };
    let short = |text: &str| cut(text, MAX_SHARED_BYTES).to_owned();
    Visit {
        ip_address: Bytes::copy_from_slice(&privacy::mapped(address)),
        user_agent: cut(request.user_agent, MAX_TEXT_BYTES).to_owned(),
        country: location.country,
        region: location.region,
        city: location.city,
        latitude: location.latitude,
        longitude: location.longitude,
        device_type: agent.device_type.name().to_owned(),
        device_brand: agent.device_brand,
        device_model: agent.device_model,
        os: agent.os,
        os_version: agent.os_version,
        browser: agent.browser,
        browser_version: agent.browser_version,
        screen_resolution: screen(shared.screen_width, shared.screen_height),
        sdk_version: short(&shared.sdk_version),
        is_bot: bot,
        sample_rate: site.sampling_rate,
        language: short(&shared.language),
        local_salt: true,
        page_load_id: shared.page_load_id.slice(..shared.page_load_id.len().min(16)),
        viewport_width: shared.viewport_width,
        viewport_height: shared.viewport_height,
        timezone: short(&shared.timezone),
    }
}

/// A screen's size as it is stored; empty if it is none.
fn screen(width: u32, height: u32) -> String {
    let is_size = |pixels| (1..=MAX_SCREEN).contains(&pixels);
    if is_size(width) && is_size(height) { format!("{width}x{height}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_has_two_sides_that_a_screen_can_have() {
        for (width, height, stored) in [
            (1920, 1080, "1920x1080"),
            (1, 65_535, "1x65535"),
            (0, 1080, ""),
            (1920, 0, ""),
            (65_536, 9, ""),
            (9, u32::MAX, ""),
        ] {
            assert_eq!(screen(width, height), stored);
        }
    }
}
