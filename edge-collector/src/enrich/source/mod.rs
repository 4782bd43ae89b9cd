//! What brought a session: the campaign that its first event names, a click id, or the referrer. Pure; the lists of
//! hosts are embedded. It keeps nothing between events: which event of a session decides is its caller's business.
//!
//! A class of the closed list says what kind of sender it was, a name says who.

mod address;
mod campaign;
mod click;
mod convention;
mod hosts;
mod sender;

use footfall_proto::beacon::Event;
use footfall_proto::limits::MAX_FIELD_BYTES;
use footfall_proto::traffic_source::TrafficSource;

pub use self::address::path_of;
use self::address::{Referrer, lower};
use self::campaign::{Campaign, is_direct, is_email};
pub use self::hosts::ReferrerHosts;
use self::sender::Sender;
use super::cut;
use crate::policy::Site;

/// What brought a session. No text is longer than [`MAX_FIELD_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// The kind of sender.
    pub class: TrafficSource,
    /// Who sent the visit: what the campaign says, else the service's name, the host or the app's id in lower case;
    /// `direct` if nobody did.
    pub name: String,
    /// The campaign's medium as it came, else what the class implies; empty if a campaign names its source alone.
    pub medium: String,
    /// The campaign.
    pub campaign: String,
    /// The search term that was bought.
    pub keyword: String,
    /// Which of the campaign's links or advertisements it was.
    pub content: String,
}

impl Source {
    /// The source of a session whose beginning was not seen.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            class: TrafficSource::Other,
            name: String::new(),
            medium: String::new(),
            campaign: String::new(),
            keyword: String::new(),
            content: String::new(),
        }
    }

    /// Length of its texts, bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        [&self.name, &self.medium, &self.campaign, &self.keyword, &self.content]
            .iter()
            .map(|text| text.len())
            .sum()
    }
}

impl ReferrerHosts {
    /// What an event says of who brought its session, were it the session's first. None: it says nothing, as its
    /// referrer is the site itself, or it belongs to an earlier page.
    #[must_use]
    pub fn source_of(&self, event: &Event, site: &Site) -> Option<Source> {
        if event.event_type == "engagement" {
            return None;
        }
        let campaign = Campaign::of(event);
        let referrer = Referrer::parse(&event.page_referrer);
        let is_internal = matches!(&referrer, Referrer::Page(page) if page.is_within(site, &event.page_url));
        let outside = if is_internal { None } else { self.outside(&referrer) };
        let click =
            campaign.click.filter(|click| outside.as_ref().is_none_or(|page| !click.is_copied_to(page)));
        if !campaign.is_named() && click.is_none() && outside.is_none() {
            let of_earlier_page = event.event_type != "pageview" && !event.page_view_id.is_empty();
            if is_internal || of_earlier_page {
                return None;
            }
        }
        let is_paid = click.is_some_and(click::ClickId::is_advertisement);
        let sender = click.map(click::ClickId::sender).or(outside);
        let class = self.class(&campaign, is_paid, sender.as_ref());
        let medium = if !campaign.medium.is_empty() {
            &campaign.medium
        } else if campaign.source.is_empty()
            || campaign.class.is_some()
            || (is_paid && class == TrafficSource::Paid)
        {
            implied_medium(class)
        } else {
            ""
        };
        // An event may call its visit direct whatever its referrer says: then nobody sent it.
        let sender = sender.filter(|_| class != TrafficSource::Direct);
        let nobody = if class == TrafficSource::Direct { class.name() } else { "" };
        let sent_by = sender.as_ref().map_or(nobody, |sender| &*sender.name);
        let name = if campaign.source.is_empty() { sent_by } else { &*campaign.source };
        Some(Source {
            class,
            name: field(name),
            medium: field(medium),
            campaign: field(&campaign.name),
            keyword: field(&campaign.term),
            content: field(&campaign.content),
        })
    }

    /// The page or app outside the site that a referrer names.
    fn outside<'r>(&self, referrer: &'r Referrer<'_>) -> Option<Sender<'r>> {
        let (name, listed) = match referrer {
            Referrer::Nobody => return None,
            Referrer::Page(page) => (page.name(), self.find(page.name())),
            Referrer::App(id) => (&**id, self.find_app(id)),
        };
        Some(listed.unwrap_or(Sender { class: TrafficSource::Referral, name: name.into() }))
    }

    /// The event's own class; else what its medium means; else an advertisement's click; else what its source or, if it
    /// names none, its sender is.
    fn class(&self, campaign: &Campaign<'_>, is_paid: bool, sender: Option<&Sender<'_>>) -> TrafficSource {
        if let Some(class) = campaign.class {
            return class;
        }
        let source = lower(&campaign.source);
        let of_source = || self.class_of_source(&source);
        match campaign.class_of_medium() {
            // Any link is a referral: a listed network or assistant says more.
            Some(TrafficSource::Referral) => of_source()
                .filter(|class| matches!(class, TrafficSource::Social | TrafficSource::Ai))
                .unwrap_or(TrafficSource::Referral),
            Some(class) => class,
            None if is_paid => TrafficSource::Paid,
            None if is_direct(&source, &campaign.medium) => TrafficSource::Direct,
            None if !source.is_empty() => of_source().unwrap_or(TrafficSource::Other),
            None => match sender {
                Some(sender) => sender.class,
                // A medium that nobody knows is still no visit without a sender.
                None if !campaign.medium.is_empty() => TrafficSource::Other,
                None => TrafficSource::Direct,
            },
        }
    }

    /// The class of what a campaign calls its source, in lower case: a listed name, host or address.
    fn class_of_source(&self, source: &str) -> Option<TrafficSource> {
        if let Referrer::Page(page) = Referrer::parse(source) {
            return self.find(page.name()).map(|sender| sender.class);
        }
        self.class_of_name(source).or_else(|| is_email(source).then_some(TrafficSource::Email))
    }
}

/// The medium of a visit whose campaign names none.
const fn implied_medium(class: TrafficSource) -> &'static str {
    match class {
        TrafficSource::Direct => "none",
        TrafficSource::Paid => "cpc",
        TrafficSource::Other => "",
        class => class.name(),
    }
}

fn field(text: &str) -> String {
    cut(text.trim(), MAX_FIELD_BYTES).to_owned()
}

#[cfg(test)]
mod tests;
