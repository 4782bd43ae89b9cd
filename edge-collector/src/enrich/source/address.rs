//! Reads the parts of a page's or referrer's address that its source depends on. Pure; decides nothing, and never fails:
//! what is no address names nobody.

use std::borrow::Cow;

use footfall_proto::limits::MAX_TEXT_BYTES;

use crate::enrich::cut;
use crate::policy::Site;

/// What a referrer names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Referrer<'a> {
    /// No page: nothing, or what scripts write for nothing, or a file or a browser's own page.
    Nobody,
    /// A page on a host.
    Page(Authority<'a>),
    /// An app, by the id that its system gave it, in lower case.
    App(Cow<'a, str>),
}

/// Host and port of a web address; credentials are no part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// Lower case, international names in their ASCII form, addresses of version 6 in brackets, no root's dot.
    pub(super) host: Cow<'a, str>,
    port: &'a str,
}

impl<'a> Referrer<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let Some((scheme, rest)) = text.trim().split_once("://") else { return Self::Nobody };
        if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") {
            return Authority::parse(authority(rest)).map_or(Self::Nobody, Self::Page);
        }
        let is_app = ["android-app", "ios-app"].iter().any(|app| scheme.eq_ignore_ascii_case(app));
        let id = lower(authority(rest));
        if is_app && !id.is_empty() { Self::App(id) } else { Self::Nobody }
    }
}

impl<'a> Authority<'a> {
    fn parse(authority: &'a str) -> Option<Self> {
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let after_brackets = authority.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match authority[after_brackets..].rfind(':') {
            Some(colon) => (&authority[..after_brackets + colon], &authority[after_brackets + colon + 1..]),
            None => (authority, ""),
        };
        let host = host.trim_end_matches('.');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let host = if !host.is_empty() && host.bytes().all(plain) {
            lower(host)
        } else {
            Cow::Owned(url::Host::parse(host).ok()?.to_string())
        };
        Some(Self { host, port })
    }

    /// The host as reports name it.
    pub(super) fn name(&self) -> &str {
        without_www(&self.host)
    }

    /// Whether this is the site itself, or the host of the page that was opened from it.
    pub(super) fn is_within(&self, site: &Site, page_url: &str) -> bool {
        let owned = if self.port.is_empty() {
            site.owns(&self.host)
        } else {
            site.owns(&format!("{}:{}", self.host, self.port))
        };
        owned || matches!(Referrer::parse(page_url), Referrer::Page(page) if page.host == self.host)
    }
}

/// A host without the "www." that says nothing of who it is.
pub(super) fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}

/// The query of a page's address, without its fragment.
pub(super) fn query_of(url: &str) -> Option<&str> {
    Some(url.split('#').next()?.split_once('?')?.1)
}

/// The path of a page's URL, neither decoded nor with its query or fragment; "/" where there is none.
#[must_use]
pub fn path_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return "" };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/').map_or("/", |start| cut(&rest[start..], MAX_TEXT_BYTES))
}
