//! What a visit's page or event names itself: campaign parameters, an event's own fields, click ids; and which class a
//! medium or a source means. It knows no referrer.

use std::borrow::Cow;

use footfall_proto::beacon::Event;
use footfall_proto::limits::MAX_TEXT_BYTES;
use footfall_proto::traffic_source::TrafficSource;

use super::address::{lower, query_of};
use super::click::ClickId;
use crate::enrich::cut;

/// What is named; empty is not named.
#[derive(Debug, Default)]
pub(super) struct Campaign<'a> {
    /// The class that the event gives itself.
    pub(super) class: Option<TrafficSource>,
    pub(super) source: Cow<'a, str>,
    pub(super) medium: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) term: Cow<'a, str>,
    pub(super) content: Cow<'a, str>,
    pub(super) click: Option<&'static ClickId>,
}

impl<'a> Campaign<'a> {
    /// The event's own fields, then the parameters of its page's query.
    pub(super) fn of(event: &'a Event) -> Self {
        let class = TrafficSource::parse(event.traffic_source.trim());
        let mut campaign = Self {
            class,
            source: Cow::Borrowed(event.source_name.trim()),
            medium: Cow::Borrowed(event.traffic_medium.trim()),
            name: Cow::Borrowed(event.traffic_campaign.trim()),
            term: Cow::Borrowed(event.traffic_keyword.trim()),
            content: Cow::Borrowed(event.traffic_content.trim()),
            click: None,
        };
        if campaign.source.is_empty() && class.is_none() {
            campaign.source = Cow::Borrowed(event.traffic_source.trim());
        }
        if let Some(query) = query_of(&event.page_url) {
            campaign.read(cut(query, 4 * MAX_TEXT_BYTES));
        }
        campaign
    }

    fn read(&mut self, query: &'a str) {
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if value.trim().is_empty() {
                continue;
            }
            // Pages that escape a link twice leave "amp;" before the key.
            let key = key.strip_prefix("amp;").unwrap_or(&key);
            let field = match key {
                key if key.eq_ignore_ascii_case("utm_source") => &mut self.source,
                key if key.eq_ignore_ascii_case("utm_medium") => &mut self.medium,
                key if key.eq_ignore_ascii_case("utm_campaign") => &mut self.name,
                key if key.eq_ignore_ascii_case("utm_term") => &mut self.term,
                key if key.eq_ignore_ascii_case("utm_content") => &mut self.content,
                key => {
                    if let Some(click) = ClickId::of_key(key)
                        && self.click.is_none_or(|other| click.outweighs(other))
                    {
                        self.click = Some(click);
                    }
                    continue;
                }
            };
            if field.is_empty() {
                *field = value;
            }
        }
    }

    /// Whether it says who or what brought the visit. A campaign's name alone does not.
    pub(super) fn is_named(&self) -> bool {
        self.class.is_some() || !self.source.is_empty() || !self.medium.is_empty()
    }

    /// The class that the medium means, after the families of spellings that GA4's default channel groups take for
    /// one: <https://support.google.com/analytics/answer/9756891>. None: a medium of the site's own.
    pub(super) fn class_of_medium(&self) -> Option<TrafficSource> {
        let medium = lower(self.medium.trim());
        let is = |words: &[&str]| medium.split(is_no_letter).any(|word| words.contains(&word));
        let holds = |parts: &[&str]| parts.iter().any(|part| medium.contains(part));
        let begins = |starts: &[&str]| starts.iter().any(|start| medium.starts_with(start));
        Some(
            if begins(&["display", "banner", "expandable", "interstitial", "programmatic"]) || is(&["cpm"]) {
                TrafficSource::Display
            } else if holds(&["cpc", "ppc", "paid", "retarget", "remarket", "sponsor"])
                || is(&[
                    "cp", "cpa", "cpe", "cpi", "cpl", "cpo", "cpp", "cpt", "cpv", "ad", "ads", "adwords",
                    "sem",
                ])
                || begins(&["advert"])
            {
                // "unpaid" says the opposite.
                if holds(&["unpaid", "nonpaid", "non-paid"]) {
                    TrafficSource::Organic
                } else {
                    TrafficSource::Paid
                }
            } else if holds(&["display", "banner"]) {
                TrafficSource::Display
            } else if is_email(&medium) {
                TrafficSource::Email
            } else if holds(&["affiliat"]) || is(&["partner", "partners", "partnership"]) {
                TrafficSource::Affiliate
            } else if holds(&["social"]) || is(&["sm", "smm"]) {
                TrafficSource::Social
            } else if holds(&["organic"]) || is(&["seo"]) {
                TrafficSource::Organic
            } else if is(&["ai", "chatbot", "llm"]) {
                TrafficSource::Ai
            } else if holds(&["referral"]) || is(&["app", "link", "referrer"]) {
                TrafficSource::Referral
            } else {
                return None;
            },
        )
    }
}

fn is_no_letter(letter: char) -> bool {
    !letter.is_alphanumeric()
}

/// Whether a medium or a source, in lower case, is one of the spellings of letters.
pub(super) fn is_email(text: &str) -> bool {
    let mail = |word: &str| {
        matches!(
            word,
            "mail" | "mails" | "mailing" | "mailings" | "mailer" | "edm" | "newsletter" | "newsletters"
        ) || word.starts_with("email")
    };
    text.contains("newsletter") || text.split(is_no_letter).any(mail)
}

/// Whether a campaign says in so many words that nobody sent the visit: "(direct)", "(none)".
pub(super) fn is_direct(source: &str, medium: &str) -> bool {
    let bare = |text: &str| text.trim_matches(['(', ')']).eq_ignore_ascii_case("direct");
    let nothing = ["", "none", "not set", "direct"];
    bare(source) && nothing.iter().any(|word| medium.trim_matches(['(', ')']).eq_ignore_ascii_case(word))
}
