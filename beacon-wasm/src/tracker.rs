//! Which events a page load makes, and when they are sent. Takes everything as arguments and does no I/O.

use alloc::string::String;

use footfall_proto::{
    beacon::Consent,
    ident::uuid_v7,
    limits::{MAX_FIELD_BYTES, MAX_TEXT_BYTES},
};

pub use crate::outbox::OutgoingBatch;
use crate::{
    call_fields::CallFields,
    engagement::EngagementMeter,
    message::{Message, event},
    outbox::{Kind, Outbox, VisitorInfo},
    retry,
    visitor::{Id, Visitor},
};

/// Time and randomness at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Milliseconds of a clock that never goes back.
    pub steady_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Never the same twice: enough for two ids.
    pub random: [Id; 2],
}

/// Title and referrer of the document.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its title now.
    pub title: &'a str,
    /// Where the visitor came from when it was loaded.
    pub referrer: &'a str,
}

/// The current page view.
struct View {
    id: Id,
    url: String,
    engagement: EngagementMeter,
    /// The event and the fields of the call, until they are sent: the router of a single-page application sets the title after the address.
    untitled: Option<(Message, Message)>,
}

/// What the browser stores of the visitor's answer, for all pages of the site. A visitor is stored only under consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredAnswer {
    /// None.
    Nothing,
    /// The ids of a visitor who granted consent.
    Visitor,
    /// That consent was denied.
    Denied,
}

/// One page load.
pub struct Tracker {
    /// The fields that all batches share.
    header: Message,
    outbox: Outbox,
    view: Option<View>,
    /// The address bar at the last page view.
    location: String,
    /// Whether another fragment is another page.
    fragments: bool,
    consent: Consent,
    /// As it was seen last.
    stored: StoredAnswer,
    /// This page alone was told that consent is denied: what other pages were told does not change that.
    denied_here: bool,
    visible: bool,
}

impl Tracker {
    /// Begins a page load. `header` holds the fields of `BeaconBatch` that its batches share; with `fragments` another `#…` is
    /// another page.
    #[must_use]
    pub fn new(header: Message, visible: bool, fragments: bool) -> Self {
        Self {
            header,
            outbox: Outbox::default(),
            view: None,
            location: String::new(),
            fragments,
            consent: Consent::Unspecified,
            stored: StoredAnswer::Nothing,
            denied_here: false,
            visible,
        }
    }

    /// The fields of `BeaconBatch` that all batches share, to be completed before the first call.
    pub fn header(&mut self) -> &mut Message {
        &mut self.header
    }

    /// Takes a call of `footfall(…)`, or with an empty `name` a possible change of the address, as the shim saw it at `now`
    /// with `location` in the address bar. `sent_as` is the id under which the shim has sent it already.
    pub fn call(
        &mut self,
        name: &str,
        fields: CallFields,
        location: String,
        sent_as: Option<Id>,
        document: Document<'_>,
        now: &Now,
    ) {
        if name.is_empty() {
            if self.page(&location) != self.page(&self.location) {
                self.start_page_view(fields, location, sent_as, document, now);
            }
        } else if name == "pageview" {
            self.start_page_view(fields, location, sent_as, document, now);
            self.finish_page_view(document.title, now);
        } else if sent_as.is_none() {
            let (_, mut event) = self.event(name, now, now.random[0]);
            let url = self.view.as_ref().map_or(&location, |view| &view.url);
            event.text(event::PAGE_URL, url, MAX_TEXT_BYTES);
            event.text(event::PAGE_TITLE, document.title, MAX_TEXT_BYTES);
            event.0.extend_from_slice(&fields.message.0);
            self.push(Kind::Event, event, now);
        }
    }

    /// Adds the title to a page view that waits for it and pushes it into the outbox.
    pub fn finish_page_view(&mut self, title: &str, now: &Now) {
        if let Some((mut event, message)) = self.view.as_mut().and_then(|view| view.untitled.take()) {
            event.text(event::PAGE_TITLE, title, MAX_TEXT_BYTES);
            event.0.extend_from_slice(&message.0);
            self.push(Kind::PageView, event, now);
        }
    }

    /// The lower edge of the window stands at `percent` of the page.
    pub fn scrolled(&mut self, percent: u32) {
        if let Some(view) = &mut self.view {
            view.engagement.scrolled(percent);
        }
    }

    /// The page became visible.
    pub fn shown(&mut self, now: &Now) {
        self.visible = true;
        if let Some(view) = &mut self.view {
            view.engagement.shown(now.steady_ms);
        }
    }

    /// The page was hidden or is being left: [`Tracker::take`] with `leaving` gives everything that is left to send.
    pub fn hidden(&mut self, title: &str, now: &Now) {
        self.finish_page_view(title, now);
        self.visible = false;
        if let Some(view) = &mut self.view {
            view.engagement.hidden(now.steady_ms);
        }
        self.report(now);
    }

    /// This page was told that consent is granted or denied; says whether it is granted now. A denial that is still stored is later than
    /// what the page was made with, and stands.
    pub fn consent(&mut self, granted: bool) -> bool {
        let is_stored = self.stored == StoredAnswer::Denied;
        self.denied_here = !granted && !is_stored;
        if granted && !is_stored {
            self.grant();
        } else {
            self.deny();
        }
        self.consent == Consent::Granted
    }

    /// Takes up what is stored now, before anything is stored or sent. A visitor who is gone was taken away by another page.
    pub fn heed(&mut self, stored: StoredAnswer) {
        match (core::mem::replace(&mut self.stored, stored), stored) {
            (_, StoredAnswer::Denied) | (StoredAnswer::Visitor, StoredAnswer::Nothing) => self.deny(),
            (_, StoredAnswer::Visitor) if !self.denied_here => self.grant(),
            _ => {}
        }
    }

    /// Events from before a grant are sent without ids.
    fn grant(&mut self) {
        if self.consent != Consent::Granted {
            self.outbox.close_batch(VisitorInfo { consent: self.consent, visitor: None });
            self.consent = Consent::Granted;
        }
    }

    /// Ids are removed from batches that wait.
    fn deny(&mut self) {
        self.consent = Consent::Denied;
        self.outbox.forget_visitor();
    }

    /// When [`Tracker::take`] or [`Tracker::finish_page_view`] would next have something to do, on the steady clock; `None` when only a
    /// new call or an answer changes that.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        if self.view.as_ref().is_some_and(|view| view.untitled.is_some()) {
            Some(0)
        } else {
            self.outbox.due()
        }
    }

    /// Takes the next batch to send; with `leaving` any batch. `visitor` is asked once for a new batch and only with consent,
    /// and told whether the visitor was active in it.
    pub fn take(
        &mut self,
        leaving: bool,
        now: &Now,
        visitor: impl FnOnce(bool) -> Option<Visitor>,
    ) -> Option<OutgoingBatch> {
        let consent = self.consent;
        self.outbox.take(&self.header, leaving, now.steady_ms, now.unix_ms, |active| VisitorInfo {
            consent,
            visitor: if consent == Consent::Granted { visitor(active) } else { None },
        })
    }

    /// `sendBeacon` took a batch; there will be no answer.
    pub fn handed_over(&mut self, sequence: u32) {
        self.outbox.handed_over(sequence);
    }

    /// A batch was answered, `status` being 0 when it could not be sent, and the server asked to wait for `after_s` seconds.
    pub fn answered(&mut self, sequence: u32, status: u32, after_s: u64, now: &Now) {
        self.outbox.answered(sequence, retry::outcome(status, after_s), now.steady_ms, now.random[0][0]);
    }

    fn start_page_view(
        &mut self,
        fields: CallFields,
        location: String,
        sent_as: Option<Id>,
        document: Document<'_>,
        now: &Now,
    ) {
        self.finish_page_view(document.title, now);
        self.report(now);
        let last = self.view.take();
        let (id, mut event) = self.event("pageview", now, now.random[0]);
        let url = if fields.url.is_empty() { location.clone() } else { fields.url };
        let referrer = last.as_ref().map_or(document.referrer, |last| &last.url);
        event.bytes(event::PAGE_VIEW_ID, &id);
        event.text(event::PAGE_URL, &url, MAX_TEXT_BYTES);
        event.text(event::PAGE_REFERRER, referrer, MAX_TEXT_BYTES);
        self.view = Some(View {
            id: sent_as.unwrap_or(id),
            url,
            engagement: EngagementMeter::new(self.visible, now.steady_ms),
            untitled: if sent_as.is_none() { Some((event, fields.message)) } else { None },
        });
        self.location = location;
    }

    /// Pushes the engagement of the current page view since the last report.
    fn report(&mut self, now: &Now) {
        let Some(view) = &mut self.view else { return };
        let Some(engagement) = view.engagement.take(now.steady_ms) else { return };
        let (_, mut event) = self.event("engagement", now, now.random[1]);
        if let Some(view) = &self.view {
            event.text(event::PAGE_URL, &view.url, MAX_TEXT_BYTES);
        }
        event.count(event::ENGAGEMENT_MS, u64::from(engagement.visible_ms));
        event.count(event::SCROLL_DEPTH, u64::from(engagement.depth));
        self.push(Kind::Engagement, event, now);
    }

    /// Begins an event of the current page view. Two events of one moment need different `random`.
    fn event(&self, event_type: &str, now: &Now, random: Id) -> (Id, Message) {
        let [_, _, _, _, _, _, random @ ..] = random;
        let id = uuid_v7(now.unix_ms, random);
        let mut event = Message::default();
        event.bytes(event::EVENT_ID, &id);
        event.text(event::EVENT_TYPE, event_type, MAX_FIELD_BYTES);
        event.count(event::CLIENT_TIMESTAMP_MS, now.unix_ms);
        if let Some(view) = &self.view {
            event.bytes(event::PAGE_VIEW_ID, &view.id);
        }
        (id, event)
    }

    fn push(&mut self, kind: Kind, event: Message, now: &Now) {
        // Events of a hidden page are sent at once: it may be discarded without notice.
        self.outbox.push(kind, event, !self.visible, now.steady_ms);
    }

    /// The part of an address that makes it a page.
    fn page<'a>(&self, location: &'a str) -> &'a [u8] {
        let location = location.as_bytes();
        let end = location.iter().position(|byte| *byte == b'#' && !self.fragments);
        end.map_or(location, |end| &location[..end])
    }
}

#[cfg(test)]
mod tests;
