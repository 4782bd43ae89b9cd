//! The answer that carries one of the beacon's files: to any page, packed where the browser can unpack it, and not again
//! where the browser has it.

use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::answer::{self, Answer};
use crate::assets::Asset;
use crate::header_text::members;

pub(super) fn answer(asset: &Asset, request: &HeaderMap) -> Answer {
    // RFC 9110, 13.1.2: `*` stands for whatever is there.
    let unchanged = members(request, &IF_NONE_MATCH)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == asset.etag.as_bytes());
    let brotli = asset.brotli.as_ref().filter(|_| accepts_brotli(request));
    let mut answer = if unchanged {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        Response::new(Full::from(brotli.unwrap_or(&asset.plain).clone()))
    };
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, asset.content_type.clone());
    headers.insert(ETAG, asset.etag.clone());
    if brotli.is_some() && !unchanged {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    for (name, value) in [
        ("cache-control", "public, max-age=3600, stale-while-revalidate=86400"),
        ("vary", "Accept-Encoding"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("timing-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// Whether `br` is among what the browser accepts, and not with the weight 0.
fn accepts_brotli(request: &HeaderMap) -> bool {
    let refuses = |parameter: &str| {
        let weight = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        weight.is_some_and(|(_, weight)| weight.trim().parse() == Ok(0.0_f32))
    };
    members(request, &ACCEPT_ENCODING).any(|offer| {
        let mut parts = offer.split(';');
        parts.next().is_some_and(|coding| coding.trim().eq_ignore_ascii_case("br")) && !parts.any(refuses)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_to_whoever_names_it_and_does_not_refuse_it() {
        for (offers, accepted) in [
            (&["gzip, deflate, br, zstd"][..], true),
            (&["gzip", "br"], true),
            (&["BR;q=0.5"], true),
            (&["br ; Q=1"], true),
            (&["br;q=0"], false),
            (&["gzip, br; q = 0.00"], false),
            (&["br;q=0."], false),
            (&["*"], false),
            (&["brotli"], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut request = HeaderMap::new();
            for offer in offers {
                request.append(ACCEPT_ENCODING, HeaderValue::from_static(offer));
            }
            assert_eq!(accepts_brotli(&request), accepted, "{offers:?}");
        }
    }
}
