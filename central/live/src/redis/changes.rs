//! What a stretch of the log changes in Redis: events gathered by the key that they belong to. Pure.
//!
//! A key's own position decides what of it is new. Where it lies within the stretch (an earlier one was cut elsewhere), the key's
//! change is made again [`after`](MinuteEvents::after) that offset.

use std::collections::{BTreeMap, HashMap};

use super::keys::{LISTS, LONG_LIFE_MS, MINUTE_LIFE_MS};
use crate::realtime::{MAX_FUTURE_MINUTES, MINUTE_MS, shortened};
use crate::{LiveEvent, WINDOW_MINUTES};

/// The events of a stretch by the keys that they change.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    /// By website and minute since 1970.
    pub(super) minutes: BTreeMap<(&'a str, i64), MinuteEvents<'a>>,
    /// By session.
    pub(super) sessions: HashMap<&'a str, SessionEvents<'a>>,
    /// The newest event, milliseconds since 1970, by website, user and session.
    pub(super) visits: HashMap<(&'a str, &'a str, &'a str), i64>,
}

/// The events of one website's minute, in the order of the log.
#[derive(Debug, Default)]
pub(super) struct MinuteEvents<'a>(Vec<&'a LiveEvent<'a>>);

/// The events of one session, in the order of the log.
#[derive(Debug, Default)]
pub(super) struct SessionEvents<'a>(Vec<&'a LiveEvent<'a>>);

/// What is added to a minute.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MinuteChange<'a> {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) pageviews: u64,
    pub(super) events: u64,
    /// Each once, in the order of their coming.
    pub(super) visitors: Vec<&'a str>,
    /// Names with their page views, in the order of their coming; one list for each of [`LISTS`].
    pub(super) lists: [Vec<(String, u64)>; LISTS.len()],
}

/// What is added to a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SessionChange<'a> {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) website_id: &'a str,
    pub(super) user_id: &'a str,
    /// The oldest and the newest event, milliseconds since 1970.
    pub(super) start_ms: i64,
    pub(super) newest_ms: i64,
    pub(super) pageviews: u64,
    pub(super) events: u64,
    /// The first and the last page viewed; empty when none was.
    pub(super) landing_page: String,
    pub(super) current_page: String,
    pub(super) device_type: &'a str,
    pub(super) country: &'a str,
}

impl<'a> Changes<'a> {
    /// Sorts what is not over at `now_ms`: a minute that has expired is never made again, nor is one written that is far ahead.
    pub(super) fn of(events: &'a [LiveEvent<'a>], now_ms: i64) -> Self {
        let mut changes = Self::default();
        for event in events {
            let at_ms = event.at_ms;
            if at_ms > now_ms + (MAX_FUTURE_MINUTES + 1) * MINUTE_MS || at_ms <= now_ms - LONG_LIFE_MS {
                continue;
            }
            if !event.user_id.is_empty() && !event.session_id.is_empty() {
                let visit = (event.website_id, event.user_id, event.session_id);
                let newest = changes.visits.entry(visit).or_insert(at_ms);
                *newest = at_ms.max(*newest);
            }
            if !event.session_id.is_empty() && at_ms > now_ms - WINDOW_MINUTES as i64 * MINUTE_MS {
                changes.sessions.entry(event.session_id).or_default().0.push(event);
            }
            let minute = at_ms.div_euclid(MINUTE_MS);
            if minute_life_ms(minute, now_ms).is_some() {
                changes.minutes.entry((event.website_id, minute)).or_default().0.push(event);
            }
        }
        changes
    }
}

/// How long the minute is still to live, milliseconds, at most the whole of its life; nothing when it is over.
pub(super) fn minute_life_ms(minute: i64, now_ms: i64) -> Option<i64> {
    let left = minute * MINUTE_MS + MINUTE_LIFE_MS - now_ms;
    (left > 0).then(|| left.min(MINUTE_LIFE_MS))
}

impl<'a> MinuteEvents<'a> {
    /// What they change, but for those up to the offset `held`; nothing when none are left.
    pub(super) fn after(&self, held: Option<u64>) -> Option<MinuteChange<'a>> {
        let fresh = fresh(&self.0, held);
        let mut change = MinuteChange {
            first: fresh.first()?.offset,
            last: fresh.last()?.offset,
            events: fresh.len() as u64,
            ..MinuteChange::default()
        };
        let mut seen = std::collections::HashSet::new();
        let mut places: [HashMap<&str, usize>; LISTS.len()] = Default::default();
        for event in fresh {
            if seen.insert(event.visitor()) {
                change.visitors.push(event.visitor());
            }
            if !event.page_view {
                continue;
            }
            change.pageviews += 1;
            let names = [event.page_path, event.source, event.channel, event.country, event.device_type];
            for ((name, list), places) in names.into_iter().zip(&mut change.lists).zip(&mut places) {
                let place = *places.entry(name).or_insert(list.len());
                if place == list.len() {
                    list.push((shortened(name).into_owned(), 0));
                }
                list[place].1 += 1;
            }
        }
        Some(change)
    }
}

impl<'a> SessionEvents<'a> {
    /// What they change, but for those up to the offset `held`; nothing when none are left.
    pub(super) fn after(&self, held: Option<u64>) -> Option<SessionChange<'a>> {
        let fresh = fresh(&self.0, held);
        let (first, last) = (fresh.first()?, fresh.last()?);
        let mut views = fresh.iter().filter(|event| event.page_view);
        let page = |event: Option<&&LiveEvent<'a>>| {
            event.map_or_else(String::new, |event| shortened(event.page_path).into_owned())
        };
        let times = || fresh.iter().map(|event| event.at_ms);
        Some(SessionChange {
            first: first.offset,
            last: last.offset,
            website_id: first.website_id,
            user_id: last.user_id,
            start_ms: times().min()?,
            newest_ms: times().max()?,
            pageviews: views.clone().count() as u64,
            events: fresh.len() as u64,
            landing_page: page(views.next()),
            current_page: page(fresh.iter().rfind(|event| event.page_view)),
            device_type: last.device_type,
            country: last.country,
        })
    }
}

fn fresh<'b, 'a>(events: &'b [&'a LiveEvent<'a>], held: Option<u64>) -> &'b [&'a LiveEvent<'a>] {
    let counted = |event: &&LiveEvent<'_>| held.is_some_and(|held| event.offset <= held);
    &events[events.partition_point(counted)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_435_200_000;

    fn event(offset: u64, at_ms: i64, page_path: &str) -> LiveEvent<'_> {
        LiveEvent {
            offset,
            website_id: "w",
            at_ms,
            page_view: true,
            user_id: "u",
            session_id: "s",
            page_path,
            ..LiveEvent::default()
        }
    }

    #[test]
    fn a_minute_that_is_over_is_never_written() {
        let minute = NOW / MINUTE_MS - 60;
        let events = [event(1, minute * MINUTE_MS + 59_999, "/old"), event(2, (minute + 1) * MINUTE_MS, "/")];
        let changes = Changes::of(&events, NOW);
        assert_eq!(changes.minutes.keys().collect::<Vec<_>>(), [&("w", minute + 1)]);
        assert_eq!(minute_life_ms(minute + 1, NOW), Some(MINUTE_MS));
        assert_eq!(changes.sessions["s"].after(None).map(|change| change.events), Some(2));
    }

    #[test]
    fn a_clock_that_is_far_ahead_changes_nothing() {
        let changes = [event(1, NOW + 10 * MINUTE_MS, "/")];
        let changes = Changes::of(&changes, NOW);
        assert!(changes.minutes.is_empty() && changes.sessions.is_empty() && changes.visits.is_empty());
    }

    #[test]
    fn names_keep_the_order_of_their_coming_and_what_is_held_is_left_out() {
        let events = [event(1, NOW, "/a"), event(2, NOW, "/b"), event(2, NOW, "/a"), event(5, NOW, "/c")];
        let changes = Changes::of(&events, NOW);
        let events = &changes.minutes[&("w", NOW / MINUTE_MS)];
        let whole = events.after(None).expect("events");
        assert_eq!((whole.first, whole.last, whole.pageviews, whole.events), (1, 5, 4, 4));
        assert_eq!(whole.lists[0], [("/a".to_owned(), 2), ("/b".to_owned(), 1), ("/c".to_owned(), 1)]);
        let rest = events.after(Some(2)).expect("events");
        assert_eq!((rest.first, rest.lists[0].len()), (5, 1));
        assert_eq!(events.after(Some(5)), None);
    }

    #[test]
    fn a_session_lands_on_its_first_page_and_is_on_its_last() {
        let events = [
            LiveEvent { page_view: false, ..event(1, NOW, "/shown") },
            event(2, NOW + 5, "/a"),
            event(3, NOW + 3, "/b"),
            LiveEvent { page_view: false, ..event(4, NOW + 9, "/b") },
        ];
        let changes = Changes::of(&events, NOW);
        let change = changes.sessions["s"].after(None).expect("events");
        assert_eq!((change.landing_page.as_str(), change.current_page.as_str()), ("/a", "/b"));
        assert_eq!(
            (change.start_ms, change.newest_ms, change.pageviews, change.events),
            (NOW, NOW + 9, 2, 4)
        );
        assert_eq!(changes.visits[&("w", "u", "s")], NOW + 9);
    }
}
