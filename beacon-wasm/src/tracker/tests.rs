//! Page loads, from the first call to the last batch.

use super::*;
use footfall_proto::beacon::{BeaconBatch, Event};
use prost::Message as _;

/// A page and its clocks. Addresses stand for themselves.
struct Page {
    tracker: Tracker,
    ms: u64,
    draws: u8,
    title: &'static str,
    visitor: Option<Visitor>,
}

const EPOCH: u64 = 1_700_000_000_000;

impl Page {
    fn open() -> Self {
        Self::open_with(true, false)
    }

    fn open_with(visible: bool, fragments: bool) -> Self {
        let mut header = Message::default();
        header.text(crate::message::batch::TRACKING_ID, "FF-TEST-1", 99);
        let tracker = Tracker::new(header, visible, fragments);
        Self { tracker, ms: 1_000, draws: 0, title: "A title", visitor: None }
    }

    fn now(&mut self) -> Now {
        self.draws += 2;
        Now { steady_ms: self.ms, unix_ms: EPOCH + self.ms, random: [[self.draws; 16], [self.draws + 1; 16]] }
    }

    fn after(&mut self, ms: u64) -> &mut Self {
        self.ms += ms;
        self
    }

    fn call(&mut self, name: &str, location: &str) -> &mut Self {
        self.call_with_fields(name, location, &[])
    }

    fn call_with_fields(&mut self, name: &str, location: &str, fields: &[(&str, &str)]) -> &mut Self {
        let mut call = CallFields::default();
        for (column, text) in fields {
            call.take(column, 0, (*text).to_owned(), f64::NAN);
        }
        self.call_with(name, call, location, None)
    }

    fn call_with(
        &mut self,
        name: &str,
        fields: CallFields,
        location: &str,
        sent_as: Option<Id>,
    ) -> &mut Self {
        let now = self.now();
        let document = Document { title: self.title, referrer: "https://outside/" };
        self.tracker.call(name, fields, location.to_owned(), sent_as, document, &now);
        self
    }

    fn tick(&mut self) -> &mut Self {
        let now = self.now();
        self.tracker.finish_page_view(self.title, &now);
        self
    }

    fn hide(&mut self) -> &mut Self {
        let now = self.now();
        self.tracker.hidden(self.title, &now);
        self
    }

    fn show(&mut self) -> &mut Self {
        let now = self.now();
        self.tracker.shown(&now);
        self
    }

    fn batch(&mut self, leaving: bool) -> Option<BeaconBatch> {
        let now = self.now();
        let stored = self.visitor.take();
        let mut after = None;
        let outgoing = self.tracker.take(leaving, &now, |active| {
            let record = stored.as_ref().map(Visitor::encode);
            after = Some(Visitor::resume(record.as_deref(), now.unix_ms, active, now.random));
            after.clone()
        });
        self.visitor = after.or(stored);
        outgoing.map(|outgoing| {
            self.tracker.handed_over(outgoing.sequence);
            BeaconBatch::decode(outgoing.body.as_slice()).expect("encoded here")
        })
    }

    /// Everything that would leave now.
    fn sent(&mut self, leaving: bool) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(batch) = self.batch(leaving) {
            events.extend(batch.events);
        }
        events
    }
}

fn kinds(events: &[Event]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.event_type.as_str(), event.page_url.as_str())).collect()
}

#[test]
fn a_page_view_names_itself_and_where_the_visitor_came_from() {
    let mut page = Page::open();
    let sent = page.call("pageview", "/a").sent(false);
    assert_eq!(kinds(&sent), [("pageview", "/a")]);
    let view = &sent[0];
    assert_eq!(view.page_view_id, view.event_id);
    assert_eq!((view.event_id[6] >> 4, view.event_id[8] >> 6), (7, 2), "a UUIDv7");
    assert_eq!((view.page_title.as_str(), view.page_referrer.as_str()), ("A title", "https://outside/"));
    assert_eq!(view.client_timestamp_ms, (EPOCH + 1_000) as i64);
}

#[test]
fn a_changed_address_is_a_page_view_that_waits_for_its_title() {
    let mut page = Page::open();
    let first = page.call("pageview", "/a").sent(false).remove(0);
    page.after(3_000).call("", "/b");
    assert_eq!(page.tracker.due(), Some(0), "as soon as the router is done");
    assert!(page.sent(false).is_empty());
    page.title = "B";
    let sent = page.after(1).tick().sent(false);
    assert_eq!(kinds(&sent), [("engagement", "/a"), ("pageview", "/b")]);
    assert_eq!((sent[0].engagement_ms, &sent[0].page_view_id), (3_000, &first.event_id));
    assert_eq!((sent[1].page_title.as_str(), sent[1].page_referrer.as_str()), ("B", "/a"));
    assert_ne!(sent[1].event_id, first.event_id);
    assert_ne!(sent[1].event_id, sent[0].event_id);
}

#[test]
fn the_same_address_or_another_fragment_is_the_same_page() {
    let mut page = Page::open();
    page.call("pageview", "/a?x=1").sent(false);
    assert!(page.call("", "/a?x=1").call("", "/a?x=1#part").tick().sent(false).is_empty());
    assert_eq!(page.call("", "/a?x=2").tick().sent(false).len(), 1, "a query makes another page");
    let mut page = Page::open_with(true, true);
    page.call("pageview", "/a").sent(false);
    assert_eq!(kinds(&page.call("", "/a#/inbox").tick().sent(false)), [("pageview", "/a#/inbox")]);
}

#[test]
fn two_navigations_at_once_are_two_page_views() {
    let mut page = Page::open();
    page.call("pageview", "/a").sent(false);
    let sent = page.call("", "/b").call("", "/c").tick().sent(false);
    assert_eq!(kinds(&sent), [("pageview", "/b"), ("pageview", "/c")]);
}

#[test]
fn an_event_belongs_to_the_page_view_and_waits_for_company() {
    let mut page = Page::open();
    let view = page.call("pageview", "/a").sent(false).remove(0);
    page.call_with_fields("event", "/a", &[("event_category", "video"), ("event_action", "play")]);
    assert!(page.sent(false).is_empty());
    let sent = page.after(2_000).sent(false);
    assert_eq!(kinds(&sent), [("event", "/a")]);
    assert_eq!((sent[0].event_category.as_str(), sent[0].event_action.as_str()), ("video", "play"));
    assert_eq!((&sent[0].page_view_id, sent[0].page_title.as_str()), (&view.event_id, "A title"));
    assert_eq!(sent[0].client_timestamp_ms, (EPOCH + 1_000) as i64, "when it happened, not when it left");
}

#[test]
fn what_a_page_says_of_itself_goes_before_what_the_browser_says() {
    let mut page = Page::open();
    let own = [("page_url", "https://x/virtual"), ("page_title", "Own"), ("page_referrer", "https://y/")];
    let view = page.call_with_fields("pageview", "/a", &own).sent(false).remove(0);
    assert_eq!(
        (view.page_url.as_str(), view.page_title.as_str(), view.page_referrer.as_str()),
        ("https://x/virtual", "Own", "https://y/")
    );
    assert!(page.call("", "/a").tick().sent(false).is_empty(), "the address bar did not change");
    let sent = page.after(500).hide().sent(true);
    assert_eq!(kinds(&sent), [("engagement", "https://x/virtual")]);
}

#[test]
fn a_page_that_goes_out_of_sight_says_everything_once() {
    let mut page = Page::open();
    page.call("pageview", "/a").sent(false);
    page.tracker.scrolled(60);
    page.after(100).call("event", "/a").after(400);
    let sent = page.hide().sent(true);
    assert_eq!(kinds(&sent), [("event", "/a"), ("engagement", "/a")]);
    assert_eq!((sent[1].engagement_ms, sent[1].scroll_depth), (500, 60));
    assert!(page.after(5).hide().sent(true).is_empty(), "the second sign of leaving finds nothing left");
    page.after(60_000).show().after(700);
    let sent = page.hide().sent(true);
    assert_eq!((sent.len(), sent[0].engagement_ms, sent[0].scroll_depth), (1, 700, 60));
}

#[test]
fn a_page_left_before_its_title_was_set_is_still_viewed() {
    let mut page = Page::open();
    page.call("pageview", "/a").sent(false);
    assert_eq!(kinds(&page.call("", "/b").hide().sent(true)), [("pageview", "/b")]);
}

#[test]
fn out_of_sight_nothing_waits() {
    let mut page = Page::open_with(false, false);
    page.call("pageview", "/a").sent(false);
    assert_eq!(page.call("event", "/a").sent(false).len(), 1);
    assert!(page.after(9_000).hide().sent(true).is_empty(), "nobody saw it");
}

#[test]
fn a_page_that_comes_back_from_the_cache_is_viewed_again() {
    let mut page = Page::open();
    page.call("pageview", "/a").after(200).hide().sent(true);
    let sent = page.after(9_000).call("pageview", "/a").show().sent(false);
    assert_eq!(kinds(&sent), [("pageview", "/a")]);
    assert_eq!(sent[0].page_referrer, "/a");
    assert_eq!(page.after(300).hide().sent(true)[0].page_view_id, sent[0].event_id);
}

#[test]
fn what_the_shim_sent_is_not_sent_again_but_belongs_to_its_page_view() {
    let mut page = Page::open();
    page.call_with("pageview", CallFields::default(), "/a", Some([7; 16])).call_with(
        "event",
        CallFields::default(),
        "/a",
        Some([8; 16]),
    );
    assert!(page.sent(true).is_empty());
    let sent = page.after(50).hide().sent(true);
    assert_eq!((kinds(&sent), &sent[0].page_view_id[..]), (vec![("engagement", "/a")], &[7; 16][..]));
}

#[test]
fn ids_are_sent_under_consent_only() {
    let mut page = Page::open();
    page.call("pageview", "/a").sent(false);
    assert_eq!(page.visitor, None, "nobody was asked");

    page.call("event", "/a").tracker.consent(true);
    page.call("event", "/a");
    let before = page.batch(false).expect("closed by the grant");
    assert_eq!((before.consent(), before.user_id.as_str()), (Consent::Unspecified, ""));
    let after = page.after(2_000).batch(false).expect("due");
    assert_eq!((after.consent(), after.user_id.len(), after.session_id.len()), (Consent::Granted, 32, 32));

    page.tracker.consent(true);
    page.call("pageview", "/b");
    let same = page.batch(false).expect("due");
    assert_eq!((&same.user_id, &same.session_id), (&after.user_id, &after.session_id));

    page.tracker.consent(false);
    page.call("pageview", "/c");
    let denied = page.batch(false).expect("due");
    assert_eq!(
        (denied.consent(), denied.user_id.as_str(), denied.session_id.as_str()),
        (Consent::Denied, "", "")
    );
}

#[test]
fn denial_reaches_batches_that_wait_for_their_next_try() {
    let mut page = Page::open();
    page.tracker.consent(true);
    page.call("pageview", "/a");
    let now = page.now();
    let visitor = Visitor::resume(None, now.unix_ms, true, now.random);
    let outgoing = page.tracker.take(false, &now, |_| Some(visitor)).expect("due");
    assert_eq!(BeaconBatch::decode(outgoing.body.as_slice()).expect("encoded here").user_id.len(), 32);
    page.tracker.answered(outgoing.sequence, 503, 0, &now);
    page.tracker.consent(false);
    let again = page.after(5_000).batch(false).expect("due again");
    assert_eq!((again.attempt, again.consent(), again.user_id.as_str()), (1, Consent::Denied, ""));
}

/// The consent and whether there are ids in a page view of now.
fn next_view(page: &mut Page, address: &str) -> (Consent, bool) {
    page.call("pageview", address);
    let batch = page.batch(false).expect("due");
    (batch.consent(), !batch.user_id.is_empty() || !batch.session_id.is_empty())
}

#[test]
fn what_another_page_was_told_holds_here() {
    use StoredAnswer::{Denied, Nothing, Visitor};
    let (granted, denied) = ((Consent::Granted, true), (Consent::Denied, false));
    let unasked = (Consent::Unspecified, false);
    for (story, answers, expected) in [
        ("nobody was asked", &[Nothing][..], unasked),
        ("granted elsewhere", &[Visitor], granted),
        ("denied elsewhere", &[Visitor, Denied], denied),
        ("denied elsewhere, and the mark comes late", &[Visitor, Nothing], denied),
        ("denied, where nothing was stored", &[Denied], denied),
        ("denied, and the mark is taken away", &[Denied, Nothing], denied),
        ("denied and granted again elsewhere", &[Visitor, Nothing, Denied, Nothing, Visitor], granted),
    ] {
        let mut page = Page::open();
        for stored in answers {
            page.tracker.heed(*stored);
        }
        assert_eq!(next_view(&mut page, "/a"), expected, "{story}");
    }
}

#[test]
fn a_denial_that_is_stored_is_later_than_what_the_page_was_made_with() {
    let mut page = Page::open();
    page.tracker.heed(StoredAnswer::Denied);
    assert!(!page.tracker.consent(true), "the tag says granted");
    assert_eq!(next_view(&mut page, "/a"), (Consent::Denied, false));
    page.tracker.heed(StoredAnswer::Nothing);
    assert!(page.tracker.consent(true), "the visitor grants again, which takes the mark away");
    assert_eq!(next_view(&mut page, "/b"), (Consent::Granted, true));
}

#[test]
fn a_page_that_was_made_with_a_denial_is_not_granted_by_another() {
    let mut page = Page::open();
    page.tracker.consent(false);
    page.tracker.heed(StoredAnswer::Visitor);
    assert_eq!(next_view(&mut page, "/a"), (Consent::Denied, false));
    assert!(page.tracker.consent(true), "its own visitor grants");
    assert_eq!(next_view(&mut page, "/b"), (Consent::Granted, true));
}

#[test]
fn a_denial_elsewhere_reaches_batches_that_wait_for_their_next_try() {
    let mut page = Page::open();
    page.tracker.heed(StoredAnswer::Visitor);
    page.call("pageview", "/a");
    let now = page.now();
    let visitor = Visitor::resume(None, now.unix_ms, true, now.random);
    let outgoing = page.tracker.take(false, &now, |_| Some(visitor)).expect("due");
    page.tracker.heed(StoredAnswer::Denied);
    page.tracker.answered(outgoing.sequence, 503, 0, &now);
    let again = page.after(5_000).batch(false).expect("due again");
    assert_eq!((again.attempt, again.consent()), (1, Consent::Denied));
    assert_eq!((again.user_id.as_str(), again.session_id.as_str()), ("", ""));
}
