//! Click ids: what advertising networks, partners, social networks and mailers add to a link. Decides which of them
//! speaks for a visit; it knows no lists of hosts.

use std::borrow::Cow;

use footfall_proto::traffic_source::TrafficSource;

use super::sender::Sender;

/// One kind of click id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClickId {
    key: &'static str,
    network: &'static str,
    weight: Weight,
}

/// How much a click id says; the heaviest of a query speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Every link that leaves the network carries it, and keeps it when it is copied.
    Link(LinkClass),
    /// A partner is paid for the visit.
    Partner,
    /// Only advertisements carry it.
    Advertisement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum LinkClass {
    Email,
    Social,
}

const fn ad(key: &'static str, network: &'static str) -> ClickId {
    ClickId { key, network, weight: Weight::Advertisement }
}

const fn partner(key: &'static str, network: &'static str) -> ClickId {
    ClickId { key, network, weight: Weight::Partner }
}

const fn link(key: &'static str, network: &'static str, class: LinkClass) -> ClickId {
    ClickId { key, network, weight: Weight::Link(class) }
}

/// Google's srsltid and Yandex's ysclid are none: unpaid results carry them.
const CLICK_IDS: [ClickId; 40] = [
    ad("gclid", "google"),
    ad("gbraid", "google"),
    ad("wbraid", "google"),
    ad("dclid", "google"),
    ad("gad_source", "google"),
    ad("gad_campaignid", "google"),
    ad("msclkid", "bing"),
    ad("ttclid", "tiktok"),
    ad("twclid", "twitter"),
    ad("li_fat_id", "linkedin"),
    ad("sccid", "snapchat"),
    ad("rdt_cid", "reddit"),
    ad("yclid", "yandex"),
    ad("ymclid", "yandex"),
    ad("epik", "pinterest"),
    ad("qclid", "quora"),
    ad("ndclid", "nextdoor"),
    ad("sznclid", "seznam"),
    ad("dicbo", "outbrain"),
    ad("tblci", "taboola"),
    ad("obclid", "outbrain"),
    ad("vmcid", "yahoo"),
    ad("rtd_cid", "reddit"),
    ad("bdclkid", "baidu"),
    ad("spclid", "spotify"),
    partner("irclickid", "impact"),
    partner("awc", "awin"),
    partner("cjevent", "cj"),
    partner("ransiteid", "rakuten"),
    partner("sscid", "shareasale"),
    link("fbclid", "facebook", LinkClass::Social),
    link("igshid", "instagram", LinkClass::Social),
    link("igsh", "instagram", LinkClass::Social),
    link("mc_eid", "mailchimp", LinkClass::Email),
    link("mc_cid", "mailchimp", LinkClass::Email),
    link("mkt_tok", "marketo", LinkClass::Email),
    link("_hsenc", "hubspot", LinkClass::Email),
    link("_hsmi", "hubspot", LinkClass::Email),
    link("_kx", "klaviyo", LinkClass::Email),
    link("vero_id", "vero", LinkClass::Email),
];

/// Engines that show the advertisements of a network of their own, or of Microsoft's; others may show Google's.
const RIVALS_OF_GOOGLE: [&str; 9] =
    ["bing", "yahoo", "duckduckgo", "qwant", "yandex", "baidu", "naver", "seznam", "sogou"];

/// Engines that show no advertisements of Microsoft's.
const RIVALS_OF_BING: [&str; 7] = ["google", "startpage", "yandex", "baidu", "naver", "seznam", "sogou"];

impl ClickId {
    /// The click id of this name, in any case of letters.
    pub(super) fn of_key(key: &str) -> Option<&'static Self> {
        CLICK_IDS.iter().find(|click| click.key.eq_ignore_ascii_case(key))
    }

    /// Whether this one speaks rather than `other`.
    pub(super) fn outweighs(&self, other: &Self) -> bool {
        self.weight > other.weight
    }

    pub(super) fn is_advertisement(&self) -> bool {
        self.weight == Weight::Advertisement
    }

    pub(super) fn sender(&self) -> Sender<'static> {
        let class = match self.weight {
            Weight::Advertisement => TrafficSource::Paid,
            Weight::Partner => TrafficSource::Affiliate,
            Weight::Link(LinkClass::Social) => TrafficSource::Social,
            Weight::Link(LinkClass::Email) => TrafficSource::Email,
        };
        Sender { class, name: Cow::Borrowed(self.network) }
    }

    /// Whether the click cannot have come from `referrer`, a page or app outside the site: then the link was copied
    /// with the id of an earlier click.
    pub(super) fn is_copied_to(&self, referrer: &Sender<'_>) -> bool {
        let owner = owner(&referrer.name);
        match self.weight {
            // The page that holds the link says it better than what the link once came through.
            Weight::Link(_) => true,
            Weight::Partner => false,
            Weight::Advertisement => match referrer.class {
                TrafficSource::Social | TrafficSource::Ai | TrafficSource::Email => owner != self.network,
                TrafficSource::Organic => match self.network {
                    "google" => RIVALS_OF_GOOGLE.contains(&owner),
                    "bing" => RIVALS_OF_BING.contains(&owner),
                    // Networks of advertisements on any site.
                    "outbrain" | "taboola" => false,
                    network => network != owner,
                },
                _ => false,
            },
        }
    }
}

/// The network that sells the advertisements of a service.
fn owner(name: &str) -> &str {
    match name.split([' ', '.']).next().unwrap_or_default() {
        "gmail" | "youtube" | "doubleclick" | "gemini" => "google",
        "outlook" | "copilot" | "msn" => "bing",
        first => first,
    }
}
