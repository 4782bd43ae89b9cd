//! The beacon's decisions: which events a page's life makes, and what leaves when. Told everything, touches nothing.

use alloc::string::String;

use footfall_proto::{
    beacon::Consent,
    ident::uuid_v7,
    limits::{MAX_FIELD_BYTES, MAX_TEXT_BYTES},
};

pub use crate::outbox::Parcel;
use crate::{
    call_fields::Given,
    engagement::Attention,
    message::{Message, event},
    outbox::{Kind, Outbox, Stamp},
    retry,
    visitor::{Id, Visitor},
};

/// What the world outside says at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Milliseconds of a clock that never goes back.
    pub steady_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Never the same twice: enough for two ids.
    pub random: [Id; 2],
}

/// What the document says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its title now.
    pub title: &'a str,
    /// Where the visitor came from when it was loaded.
    pub referrer: &'a str,
}

/// The page view that is going on.
struct View {
    id: Id,
    url: String,
    attention: Attention,
    /// Not sent yet, and what the page gave with it: it waits for the title, which the router of a single-page site sets after
    /// the address.
    untitled: Option<(Message, Message)>,
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
            visible,
        }
    }

    /// The fields of `BeaconBatch` that all batches share, to be completed before the first call.
    pub fn header(&mut self) -> &mut Message {
        &mut self.header
    }

    /// Notes a call of `footfall(…)`, or with an empty `name` that the address may have changed, as the shim saw it at `now`
    /// with `location` in the address bar. `sent_as` is the id under which the shim has sent it already.
    pub fn call(
        &mut self,
        name: &str,
        given: Given,
        location: String,
        sent_as: Option<Id>,
        document: Document<'_>,
        now: &Now,
    ) {
        if name.is_empty() {
            if self.page(&location) != self.page(&self.location) {
                self.view_page(given, location, sent_as, document, now);
            }
        } else if name == "pageview" {
            self.view_page(given, location, sent_as, document, now);
            self.settle(document.title, now);
        } else if sent_as.is_none() {
            let (_, mut event) = self.event(name, now, now.random[0]);
            let url = self.view.as_ref().map_or(&location, |view| &view.url);
            event.text(event::PAGE_URL, url, MAX_TEXT_BYTES);
            event.text(event::PAGE_TITLE, document.title, MAX_TEXT_BYTES);
            event.0.extend_from_slice(&given.fields.0);
            self.push(Kind::Event, event, now);
        }
    }

    /// Sends a page view off that waited for its title.
    pub fn settle(&mut self, title: &str, now: &Now) {
        if let Some((mut event, given)) = self.view.as_mut().and_then(|view| view.untitled.take()) {
            event.text(event::PAGE_TITLE, title, MAX_TEXT_BYTES);
            event.0.extend_from_slice(&given.0);
            self.push(Kind::PageView, event, now);
        }
    }

    /// The lower edge of the window stands at `percent` of the page.
    pub fn scrolled(&mut self, percent: u32) {
        if let Some(view) = &mut self.view {
            view.attention.scrolled(percent);
        }
    }

    /// The page came into sight.
    pub fn shown(&mut self, now: &Now) {
        self.visible = true;
        if let Some(view) = &mut self.view {
            view.attention.shown(now.steady_ms);
        }
    }

    /// The page went out of sight or is being left: everything it has to say is now to be taken as leaving.
    pub fn hidden(&mut self, title: &str, now: &Now) {
        self.settle(title, now);
        self.visible = false;
        if let Some(view) = &mut self.view {
            view.attention.hidden(now.steady_ms);
        }
        self.report(now);
    }

    /// What the visitor allowed. What happened before a grant leaves under what held then; on denial, ids that wait to be sent
    /// are taken out.
    pub fn consent(&mut self, granted: bool) {
        if !granted {
            self.consent = Consent::Denied;
            self.outbox.forget_visitor();
        } else if self.consent != Consent::Granted {
            self.outbox.seal(Stamp { consent: self.consent, visitor: None });
            self.consent = Consent::Granted;
        }
    }

    /// When [`Tracker::take`] or [`Tracker::settle`] would next have something to do, on the steady clock; `None` when only a
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
    ) -> Option<Parcel> {
        let consent = self.consent;
        self.outbox.take(&self.header, leaving, now.steady_ms, now.unix_ms, |active| Stamp {
            consent,
            visitor: if consent == Consent::Granted { visitor(active) } else { None },
        })
    }

    /// The browser took a batch over and will not say what became of it.
    pub fn handed_over(&mut self, sequence: u32) {
        self.outbox.handed_over(sequence);
    }

    /// A batch was answered, `status` being 0 when it could not be sent, and the server asked to wait for `after_s` seconds.
    pub fn answered(&mut self, sequence: u32, status: u32, after_s: u64, now: &Now) {
        self.outbox.answered(sequence, retry::verdict(status, after_s), now.steady_ms, now.random[0][0]);
    }

    fn view_page(
        &mut self,
        given: Given,
        location: String,
        sent_as: Option<Id>,
        document: Document<'_>,
        now: &Now,
    ) {
        self.settle(document.title, now);
        self.report(now);
        let last = self.view.take();
        let (id, mut event) = self.event("pageview", now, now.random[0]);
        let url = if given.url.is_empty() { location.clone() } else { given.url };
        let referrer = last.as_ref().map_or(document.referrer, |last| &last.url);
        event.bytes(event::PAGE_VIEW_ID, &id);
        event.text(event::PAGE_URL, &url, MAX_TEXT_BYTES);
        event.text(event::PAGE_REFERRER, referrer, MAX_TEXT_BYTES);
        self.view = Some(View {
            id: sent_as.unwrap_or(id),
            url,
            attention: Attention::new(self.visible, now.steady_ms),
            untitled: if sent_as.is_none() { Some((event, given.fields)) } else { None },
        });
        self.location = location;
    }

    /// Reports the engagement of the page view that is going on.
    fn report(&mut self, now: &Now) {
        let Some(view) = &mut self.view else { return };
        let Some(engagement) = view.attention.take(now.steady_ms) else { return };
        let (_, mut event) = self.event("engagement", now, now.random[1]);
        if let Some(view) = &self.view {
            event.text(event::PAGE_URL, &view.url, MAX_TEXT_BYTES);
        }
        event.count(event::ENGAGEMENT_MS, u64::from(engagement.visible_ms));
        event.count(event::SCROLL_DEPTH, u64::from(engagement.depth));
        self.push(Kind::Engagement, event, now);
    }

    /// Begins an event of the page view that is going on. `random` is another one for each event of a moment.
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
        // What happens out of sight leaves at once: nobody tells when such a page ends.
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
