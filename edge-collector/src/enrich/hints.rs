//! What the device says of itself beside its user agent: client hints from the beacon, or the ones browsers send as headers.

use footfall_proto::beacon::ClientHints;

/// Hints of one request, borrowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'a> {
    /// "Windows", "macOS", "Android", …
    pub platform: &'a str,
    /// Windows 11 says 13 or more.
    pub platform_version: &'a str,
    /// "Pixel 8"; empty on desktops.
    pub model: &'a str,
    /// Whether the browser prefers a mobile layout.
    pub mobile: Option<bool>,
    /// Fingers that the screen follows.
    pub max_touch_points: u32,
}

impl<'a> Hints<'a> {
    /// The beacon's hints where there are any; else what `Sec-CH-UA-Platform` and `Sec-CH-UA-Mobile` say.
    #[must_use]
    pub fn of(beacon: Option<&'a ClientHints>, platform: Option<&'a str>, mobile: Option<&'a str>) -> Self {
        let header = Self {
            platform: platform.unwrap_or_default().trim_matches('"'),
            mobile: match mobile {
                Some("?1") => Some(true),
                Some("?0") => Some(false),
                _ => None,
            },
            ..Self::default()
        };
        let Some(beacon) = beacon else { return header };
        Self {
            platform: if beacon.platform.is_empty() { header.platform } else { &beacon.platform },
            platform_version: &beacon.platform_version,
            model: &beacon.model,
            mobile: beacon.mobile.or(header.mobile),
            max_touch_points: beacon.max_touch_points,
        }
    }
}
