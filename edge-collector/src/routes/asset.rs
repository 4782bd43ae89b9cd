//! The answer that carries one of the beacon's files: to any page, packed where the browser can unpack it, and not again
//! where the browser has it.

use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use super::text;
use crate::answer::{self, Answer};
use crate::assets::Asset;

pub(super) fn answer(asset: &Asset, request: &HeaderMap) -> Answer {
    let unchanged = text(request, &IF_NONE_MATCH).is_some_and(|tags| {
        tags.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == asset.etag.as_bytes())
    });
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

fn accepts_brotli(request: &HeaderMap) -> bool {
    let offers = text(request, &ACCEPT_ENCODING).unwrap_or_default();
    offers.split(',').map(|offer| offer.split(';').map(str::trim)).any(|mut offer| {
        offer.next() == Some("br")
            && !offer.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}
