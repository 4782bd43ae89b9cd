//! Where a visit came from: named campaigns, click ids, the referrer. Pure; the list of hosts is embedded.
//!
//! What a site names itself (`utm_…`, or the event's own fields) is taken as it is. Otherwise the source is the kind
//! of visit that the schema names (`organic paid social email referral direct`) and the medium says who sent it.

use std::borrow::Cow;
use std::collections::HashMap;

use footfall_proto::beacon::Event;
use footfall_proto::limits::{MAX_FIELD_BYTES, MAX_TEXT_BYTES};

use super::cut;
use crate::policy::Site;

/// Click ids that only advertisements carry.
const AD_CLICKS: [&str; 13] = [
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "msclkid",
    "ttclid",
    "twclid",
    "rdt_cid",
    "sccid",
    "li_fat_id",
    "yclid",
    "epik",
    "qclid",
];

/// Click ids that a network adds to every link, with the network's name.
const SOCIAL_CLICKS: [(&str, &str); 3] =
    [("fbclid", "facebook"), ("igshid", "instagram"), ("igsh", "instagram")];

/// Where one event's visit came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// A campaign's own name, or the kind of visit.
    pub source: String,
    /// A campaign's own name, or who sent the visit.
    pub medium: String,
    /// The campaign.
    pub campaign: String,
    /// The search term that was bought.
    pub keyword: String,
}

/// Hosts of search engines, social networks, mail services and advertising networks.
#[derive(Debug)]
pub struct ReferrerHosts(HashMap<&'static str, (Medium, &'static str)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    Search,
    Social,
    Email,
    Paid,
    Referral,
}

impl Medium {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "search" => Self::Search,
            "social" => Self::Social,
            "email" => Self::Email,
            "paid" => Self::Paid,
            "referral" | "unknown" => Self::Referral,
            _ => return None,
        })
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Search => "organic",
            Self::Social => "social",
            Self::Email => "email",
            Self::Paid => "paid",
            Self::Referral => "referral",
        }
    }
}

impl Default for ReferrerHosts {
    /// The list in `data/referrers.tsv`.
    fn default() -> Self {
        let lines = include_str!("../../data/referrers.tsv").lines();
        Self(
            lines
                .filter_map(|line| {
                    let mut cells = line.split('\t');
                    let (host, medium, name) = (cells.next()?, cells.next()?, cells.next()?);
                    Some((host, (Medium::parse(medium)?, name)))
                })
                .collect(),
        )
    }
}

impl ReferrerHosts {
    /// Where the visit of an event came from.
    #[must_use]
    pub fn source_of(&self, event: &Event, site: &Site) -> Source {
        let mut named = Source {
            source: field(&event.traffic_source),
            medium: field(&event.traffic_medium),
            campaign: field(&event.traffic_campaign),
            keyword: field(&event.traffic_keyword),
        };
        let query = Query::read(&event.page_url);
        named.fill_from(&query);
        if named.source.is_empty() && named.medium.is_empty() {
            let (source, medium) = query.click.unwrap_or_else(|| self.referral(&event.page_referrer, site));
            named.source = source.into();
            named.medium = medium.into_owned();
        }
        named
    }

    fn referral(&self, referrer: &str, site: &Site) -> (&'static str, Cow<'static, str>) {
        const DIRECT: (&str, Cow<'static, str>) = ("direct", Cow::Borrowed("none"));
        let Some(authority) = authority(referrer) else { return DIRECT };
        if site.owns(authority) {
            return DIRECT;
        }
        let host = authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
        match self.find(&host) {
            Some((Medium::Referral, _)) | None => {
                let host = host.strip_prefix("www.").unwrap_or(&host);
                ("referral", Cow::Owned(cut(host, MAX_FIELD_BYTES).to_owned()))
            }
            Some((medium, name)) => (medium.source(), Cow::Owned(name.to_ascii_lowercase())),
        }
    }

    /// The host as it is listed, or without or with the prefix that such services put before their name.
    fn find(&self, host: &str) -> Option<(Medium, &'static str)> {
        let listed = |host: &str| self.0.get(host).copied();
        let bare = || {
            ["www.", "m.", "l.", "lm.", "old.", "out."].iter().find_map(|prefix| host.strip_prefix(prefix))
        };
        listed(host).or_else(|| listed(bare()?)).or_else(|| listed(&format!("www.{host}")))
    }
}

impl Source {
    fn fill_from(&mut self, query: &Query<'_>) {
        for (target, value) in [
            (&mut self.source, &query.source),
            (&mut self.medium, &query.medium),
            (&mut self.campaign, &query.campaign),
            (&mut self.keyword, &query.term),
        ] {
            if target.is_empty() {
                *target = field(value);
            }
        }
    }
}

/// The campaign parameters of a page's query.
#[derive(Default)]
struct Query<'a> {
    source: Cow<'a, str>,
    medium: Cow<'a, str>,
    campaign: Cow<'a, str>,
    term: Cow<'a, str>,
    click: Option<(&'static str, Cow<'static, str>)>,
}

impl<'a> Query<'a> {
    fn read(url: &'a str) -> Self {
        let mut query = Self::default();
        let Some((_, text)) = url.split('#').next().and_then(|url| url.split_once('?')) else { return query };
        for (key, value) in url::form_urlencoded::parse(cut(text, 4 * MAX_TEXT_BYTES).as_bytes()) {
            match &*key.to_ascii_lowercase() {
                "utm_source" => query.source = value,
                "utm_medium" => query.medium = value,
                "utm_campaign" => query.campaign = value,
                "utm_term" => query.term = value,
                key if AD_CLICKS.contains(&key) => query.click = Some(("paid", Cow::Borrowed("cpc"))),
                key if query.click.is_none() => {
                    let network = SOCIAL_CLICKS.iter().find(|(click, _)| *click == key);
                    query.click = network.map(|(_, name)| ("social", Cow::Borrowed(*name)));
                }
                _ => {}
            }
        }
        query
    }
}

fn field(text: &str) -> String {
    cut(text.trim(), MAX_FIELD_BYTES).to_owned()
}

/// Host and port of a web URL; apps that name themselves (`android-app://…`) count as hosts.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest[..end].rsplit('@').next().unwrap_or_default();
    (!authority.is_empty()).then_some(authority)
}

/// The path of a page's URL, neither decoded nor with its query or fragment; "/" where there is none.
#[must_use]
pub fn path_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return "" };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/').map_or("/", |start| cut(&rest[start..], MAX_TEXT_BYTES))
}

#[cfg(test)]
mod tests;
