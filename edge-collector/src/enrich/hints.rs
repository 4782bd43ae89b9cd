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
    /// What the browser calls itself.
    pub brands: Brands<'a>,
}

/// The brands of a browser, as they came.
#[derive(Debug, Clone, Copy)]
pub enum Brands<'a> {
    /// The header `Sec-CH-UA`.
    Header(&'a str),
    /// "Brand/major version" each.
    Beacon(&'a [String]),
}

impl Default for Brands<'_> {
    fn default() -> Self {
        Self::Header("")
    }
}

/// One name of a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brand<'a> {
    /// As the browser writes it.
    pub written: &'a str,
    /// Mostly the major version alone.
    pub version: &'a str,
}

impl<'a> Hints<'a> {
    /// The beacon's hints where there are any; else what `Sec-CH-UA-Platform`, `Sec-CH-UA-Mobile` and `Sec-CH-UA` say.
    #[must_use]
    pub fn of(
        beacon: Option<&'a ClientHints>,
        platform: Option<&'a str>,
        mobile: Option<&'a str>,
        brands: Option<&'a str>,
    ) -> Self {
        let header = Self {
            platform: platform.unwrap_or_default().trim_matches('"'),
            mobile: match mobile {
                Some("?1") => Some(true),
                Some("?0") => Some(false),
                _ => None,
            },
            brands: Brands::Header(brands.unwrap_or_default()),
            ..Self::default()
        };
        let Some(beacon) = beacon else { return header };
        Self {
            platform: if beacon.platform.is_empty() { header.platform } else { &beacon.platform },
            platform_version: &beacon.platform_version,
            model: &beacon.model,
            mobile: beacon.mobile.or(header.mobile),
            max_touch_points: beacon.max_touch_points,
            brands: if beacon.brands.is_empty() { header.brands } else { Brands::Beacon(&beacon.brands) },
        }
    }

    /// What the browser calls itself beside its engine: the brand that is neither Chromium, nor made up to keep readers
    /// from relying on the list, nor Chrome where another stands beside it.
    #[must_use]
    pub fn brand(self) -> Option<Brand<'a>> {
        let (mut own, mut chrome) = (None, None);
        let mut look_at = |brand: Brand<'a>| {
            let of = if brand.written == "Google Chrome" { &mut chrome } else { &mut own };
            if of.is_none() && brand.tells() {
                *of = Some(brand);
            }
        };
        match self.brands {
            Brands::Header(header) => in_header(header).for_each(&mut look_at),
            Brands::Beacon(brands) => brands.iter().map(|text| stated(text)).for_each(&mut look_at),
        }
        own.or(chrome)
    }
}

impl<'a> Brand<'a> {
    /// As the user agent's own names are written.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self.written {
            "Google Chrome" => "Chrome",
            "Microsoft Edge" => "Edge",
            "Android WebView" | "Microsoft Edge WebView2" => "WebView",
            "YaBrowser" | "Yandex" => "Yandex Browser",
            "HuaweiBrowser" => "Huawei Browser",
            "HonorBrowser" => "Honor Browser",
            "Norton Private Browser" => "Norton",
            other => other,
        }
    }

    fn tells(self) -> bool {
        let made_up = {
            let mut letters =
                self.written.bytes().filter(u8::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase());
            letters.by_ref().take(3).eq(*b"not")
                && self.written.to_ascii_lowercase().trim_end().ends_with("brand")
        };
        !made_up && !self.written.trim().is_empty() && self.written != "Chromium"
    }
}

/// "Brave/131".
fn stated(text: &str) -> Brand<'_> {
    let (written, version) = text.rsplit_once('/').unwrap_or((text, ""));
    Brand { written, version }
}

/// `"Brave";v="131", "Chromium";v="131", "Not A;Brand";v="99"`: a name may hold whatever separates names.
fn in_header(header: &str) -> impl Iterator<Item = Brand<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let written = quoted(&mut rest)?;
        let version = match rest.trim_start().strip_prefix(';') {
            Some(parameter) if parameter.trim_start().starts_with("v=") => {
                quoted(&mut rest).unwrap_or_default()
            }
            _ => "",
        };
        Some(Brand { written, version })
    })
}

/// The next text in quotation marks; `rest` goes on behind it.
fn quoted<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (_, text) = rest.split_once('"')?;
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    *rest = &text[end + 1..];
    Some(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beacons_hints_win_over_headers() {
        let header = r#""Brave";v="131", "Chromium";v="131""#;
        let headers = Hints::of(None, Some("\"Android\""), Some("?1"), Some(header));
        assert_eq!((headers.platform, headers.mobile), ("Android", Some(true)));
        assert_eq!(headers.brand(), Some(Brand { written: "Brave", version: "131" }));
        let mut beacon =
            ClientHints { platform: "Windows".into(), mobile: Some(false), ..ClientHints::default() };
        let both = Hints::of(Some(&beacon), Some("\"Android\""), Some("?1"), Some(header));
        assert_eq!((both.platform, both.mobile), ("Windows", Some(false)));
        assert_eq!(both.brand().map(|brand| brand.written), Some("Brave"));
        beacon.brands = vec!["Not=A?Brand/24".into(), "Opera GX/115".into()];
        let both = Hints::of(Some(&beacon), None, None, Some(header));
        assert_eq!(both.brand(), Some(Brand { written: "Opera GX", version: "115" }));
    }
}
