//! The live view against a model that keeps every event and counts afresh, and its bounds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::realtime::{MINUTE_MS, Ranked, SERIES_MINUTES};

const START_MS: i64 = 1_790_000_000_000;
const SOURCE: SourcePartition = SourcePartition { incarnation: [1; 16], partition: 0 };

fn view<'a>(website_id: &'a str, user_id: &'a str, page_path: &'a str, at_ms: i64) -> LiveEvent<'a> {
    LiveEvent {
        website_id,
        offset: 0,
        at_ms,
        page_view: true,
        user_id,
        session_id: "s",
        page_path,
        source: "google",
        channel: "organic",
        country: "DE",
        device_type: "mobile",
    }
}

/// LiveEvents of one record at `offset`.
fn apply(live: &Memory, offset: u64, events: &[LiveEvent<'_>]) {
    let events: Vec<_> = events.iter().map(|event| LiveEvent { offset, ..*event }).collect();
    live.apply(SOURCE, offset + 1, &events);
}

#[test]
fn a_page_view_is_there_at_once() {
    let live = Memory::new();
    apply(
        &live,
        0,
        &[view("w", "ada", "/", START_MS), view("w", "bob", "/", START_MS), view("w", "bob", "/a", START_MS)],
    );
    let now = live.snapshot("w", START_MS + 400);
    assert_eq!((now.visitors_now, now.pageviews), (2, 3));
    assert_eq!(now.pageviews_per_minute.len(), SERIES_MINUTES);
    assert_eq!(now.pageviews_per_minute.last(), Some(&3));
    assert_eq!(now.top_pages.top[0], Ranked { name: "/".to_owned(), pageviews: 2 });
    assert_eq!((now.sources.top[0].name.as_str(), now.channels.top[0].name.as_str()), ("google", "organic"));
    assert_eq!(now.countries.top[0].name, "DE");
    assert_eq!(now.devices.top[0].name, "mobile");
}

#[test]
fn engagement_shows_the_visitor_and_counts_no_page_view() {
    let live = Memory::new();
    apply(&live, 0, &[LiveEvent { page_view: false, ..view("w", "ada", "/", START_MS) }]);
    let now = live.snapshot("w", START_MS);
    assert_eq!((now.visitors_now, now.pageviews), (1, 0));
    assert!(now.top_pages.top.is_empty());
}

#[test]
fn without_a_user_the_session_is_the_visitor() {
    let live = Memory::new();
    let anonymous = LiveEvent { user_id: "", ..view("w", "", "/", START_MS) };
    apply(&live, 0, &[anonymous, anonymous, LiveEvent { session_id: "t", ..anonymous }]);
    assert_eq!(live.snapshot("w", START_MS).visitors_now, 2);
}

#[test]
fn visitors_leave_after_five_minutes_and_pageviews_after_sixty() {
    let live = Memory::new();
    apply(&live, 0, &[view("w", "ada", "/", START_MS)]);
    assert_eq!(live.snapshot("w", START_MS + 5 * MINUTE_MS - 1).visitors_now, 1);
    let later = live.snapshot("w", START_MS + 5 * MINUTE_MS);
    assert_eq!((later.visitors_now, later.pageviews_per_minute.iter().sum::<u64>()), (0, 1));
    let after = live.snapshot("w", START_MS + 60 * MINUTE_MS);
    assert_eq!(after.pageviews_per_minute.iter().sum::<u64>(), 0);
}

#[test]
fn websites_do_not_see_each_other() {
    let live = Memory::new();
    apply(&live, 0, &[view("a", "ada", "/", START_MS), view("b", "bob", "/", START_MS)]);
    assert_eq!(live.snapshot("a", START_MS).visitors_now, 1);
    assert_eq!(live.snapshot("c", START_MS).visitors_now, 0);
}

#[test]
fn a_redelivered_batch_changes_nothing_and_wakes_nobody() {
    let live = Memory::new();
    let changes = live.subscribe("w");
    apply(&live, 7, &[view("w", "ada", "/", START_MS)]);
    let (before, version) = (live.snapshot("w", START_MS), *changes.borrow());
    apply(&live, 7, &[view("w", "eve", "/", START_MS)]);
    apply(&live, 3, &[view("w", "eve", "/", START_MS)]);
    assert_eq!((live.snapshot("w", START_MS), *changes.borrow()), (before, version));
}

#[test]
fn each_partition_has_a_position_of_its_own_and_a_batch_cut_elsewhere_is_counted_once() {
    let live = Memory::new();
    let at = |offset| LiveEvent { offset, ..view("w", "ada", "/", START_MS) };
    live.apply(SOURCE, 3, &[at(1), at(2)]);
    live.apply(SOURCE, 5, &[at(2), at(4), at(4)]);
    assert_eq!((live.next(SOURCE), live.snapshot("w", START_MS).pageviews), (Some(5), 4));
    let other = SourcePartition { partition: 1, ..SOURCE };
    live.apply(other, 3, &[at(2)]);
    assert_eq!((live.next(other), live.snapshot("w", START_MS).pageviews), (Some(3), 5));
}

#[test]
fn a_clock_that_is_wrong_costs_its_own_events_only() {
    let live = Memory::new();
    let far = START_MS + 400 * 24 * 60 * MINUTE_MS;
    apply(&live, 0, &[view("w", "future", "/future", far), view("w", "ada", "/", START_MS)]);
    apply(
        &live,
        1,
        &[
            view("w", "past", "/past", 0),
            view("w", "worst", "/", i64::MIN / 2),
            view("w", "bob", "/", START_MS),
        ],
    );
    let now = live.snapshot("w", START_MS);
    assert_eq!((now.visitors_now, now.pageviews), (2, 2));
}

#[test]
fn what_is_over_is_forgotten_unless_somebody_watches() {
    let live = Memory::new();
    apply(&live, 0, &[view("quiet", "ada", "/", START_MS), view("watched", "ada", "/", START_MS)]);
    let _watching = live.subscribe("watched");
    live.expire(START_MS + MINUTE_MS);
    assert_eq!(live.lock().websites.len(), 2);
    live.expire(START_MS + 61 * MINUTE_MS);
    assert_eq!(live.lock().websites.keys().collect::<Vec<_>>(), ["watched"]);
}

#[test]
fn the_number_of_websites_is_bounded_and_the_quietest_goes() {
    let live = Memory::new();
    for n in 0..=MAX_WEBSITES {
        let at_ms = START_MS + n as i64 * MINUTE_MS;
        apply(&live, n as u64, &[view(&n.to_string(), "ada", "/", at_ms)]);
    }
    let shared = live.lock();
    assert_eq!(shared.websites.len(), MAX_WEBSITES);
    assert!(!shared.websites.contains_key("0") && shared.websites.contains_key("1"));
}

/// An event by small numbers: website, visitor, page, how long before `now`, page view or not.
type Event = (u8, u8, u8, i64, bool);

#[derive(Clone, Debug)]
enum Step {
    Batch(Vec<Event>),
    /// The last batch again.
    Redeliver,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let event = (0..2_u8, 0..12_u8, 0..8_u8, -60_000..75 * MINUTE_MS, any::<bool>());
    prop_oneof![
        4 => prop::collection::vec(event, 0..20).prop_map(Step::Batch),
        1 => Just(Step::Redeliver),
        2 => (0..20 * MINUTE_MS).prop_map(Step::Wait),
    ]
}

/// Every event ever applied, with its time.
#[derive(Default)]
struct Model {
    events: Vec<(Event, i64)>,
}

impl Model {
    fn present(&self, website: u8, now: i64) -> u64 {
        let seen = self.events.iter().filter(|((w, ..), at)| *w == website && *at > now - 5 * MINUTE_MS);
        seen.map(|((_, visitor, ..), _)| visitor).collect::<BTreeSet<_>>().len() as u64
    }

    fn views(&self, website: u8, now: i64, minutes: i64) -> impl Iterator<Item = (u8, i64)> + '_ {
        let current = now.div_euclid(MINUTE_MS);
        self.events
            .iter()
            .filter(move |((w, _, _, _, view), at)| {
                *w == website && *view && at.div_euclid(MINUTE_MS) > current - minutes
            })
            .map(move |((_, _, page, ..), at)| (*page, (current - at.div_euclid(MINUTE_MS)).max(0)))
    }

    fn series(&self, website: u8, now: i64) -> Vec<u64> {
        let mut series = vec![0; SERIES_MINUTES];
        self.views(website, now, SERIES_MINUTES as i64)
            .for_each(|(_, age)| series[SERIES_MINUTES - 1 - age as usize] += 1);
        series
    }

    fn pages(&self, website: u8, now: i64) -> Vec<(String, u64)> {
        let mut pages = BTreeMap::new();
        self.views(website, now, 30).for_each(|(page, _)| *pages.entry(format!("/{page}")).or_insert(0) += 1);
        let mut pages: Vec<_> = pages.into_iter().collect();
        pages.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        pages
    }
}

fn deliver(live: &Memory, position: u64, events: &[(Event, i64)]) {
    let names: Vec<_> =
        events.iter().map(|((w, u, p, ..), _)| (w.to_string(), u.to_string(), format!("/{p}"))).collect();
    let events: Vec<_> = events
        .iter()
        .zip(&names)
        .map(|(((.., page_view), at_ms), (w, u, p))| LiveEvent {
            page_view: *page_view,
            ..view(w, u, p, *at_ms)
        })
        .collect();
    apply(live, position, &events);
}

proptest! {
    #[test]
    fn agrees_with_a_model_that_keeps_everything(steps in prop::collection::vec(step(), 1..40)) {
        let (live, mut model, mut now) = (Memory::new(), Model::default(), START_MS);
        let (mut position, mut last) = (0, Vec::new());
        for step in steps {
            match step {
                Step::Batch(events) => {
                    position += 3;
                    last = events.into_iter().map(|event| (event, now - event.3)).collect();
                    deliver(&live, position, &last);
                    model.events.append(&mut last.clone());
                }
                Step::Redeliver if position > 0 => deliver(&live, position, &last),
                Step::Redeliver => {}
                Step::Wait(ms) => now += ms,
            }
            for website in 0..2 {
                let seen = live.snapshot(&website.to_string(), now);
                prop_assert_eq!(seen.visitors_now, model.present(website, now));
                prop_assert!(!seen.visitors_now_at_least);
                prop_assert_eq!(&seen.pageviews_per_minute, &model.series(website, now));
                let pages: Vec<_> = seen.top_pages.top.into_iter().map(|page| (page.name, page.pageviews)).collect();
                prop_assert_eq!(pages, model.pages(website, now));
                prop_assert_eq!(seen.top_pages.other, 0);
            }
        }
    }

    #[test]
    fn however_narrow_the_bounds_no_page_view_is_hidden(
        views in prop::collection::vec((0..50_u16, 0..29_i64), 0..200), names in 1..5_usize, visitors in 1..5_usize,
    ) {
        let mut window = Window::new(Limits { names, visitors, shown: 3, ..Limits::DEFAULT });
        for (name, age) in &views {
            let name = name.to_string();
            window.add(&view("w", &name, &name, START_MS - age * MINUTE_MS));
        }
        let seen = window.snapshot(START_MS);
        let all = views.len() as u64;
        prop_assert_eq!(seen.pageviews, all);
        for list in [&seen.top_pages, &seen.sources, &seen.channels, &seen.countries, &seen.devices] {
            prop_assert!(list.top.len() <= 3);
            prop_assert_eq!(list.top.iter().map(|ranked| ranked.pageviews).sum::<u64>() + list.other, all);
        }
        let present: BTreeSet<_> = views.iter().filter(|(_, age)| *age < 5).map(|(name, _)| name).collect();
        prop_assert!(seen.visitors_now <= present.len() as u64);
        prop_assert!(seen.visitors_now as usize <= visitors);
        if !seen.visitors_now_at_least {
            prop_assert_eq!(seen.visitors_now, present.len() as u64);
        }
    }
}
