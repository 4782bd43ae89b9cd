//! One website's last hour, minute by minute, by the time its events happened and not by the time they came. Pure.

use std::collections::BTreeMap;

use super::ranking::{NameCounts, rank};
use super::visitors::Visitors;
use crate::LiveEvent;
use crate::realtime::{
    MAX_FUTURE_MINUTES, MAX_NAMES, MINUTE_MS, PRESENT_MINUTES, RANKED_MINUTES, Realtime, SERIES_MINUTES,
    SHOWN,
};

/// Somebody seen within this time is there now, milliseconds.
const PRESENT_MS: i64 = PRESENT_MINUTES * MINUTE_MS;

/// What bounds the memory of one website: 64 minutes of names, and the visitors of five minutes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Distinct minutes kept, the newest ones: the series, what is ahead, and room for an event that is late.
    pub(super) minutes: usize,
    /// Distinct names per minute and list.
    pub(super) names: usize,
    /// Distinct visitors.
    pub(super) visitors: usize,
    /// Names shown per list.
    pub(super) shown: usize,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self { minutes: 64, names: MAX_NAMES, visitors: 100_000, shown: SHOWN };
}

/// The minutes of one website.
#[derive(Debug)]
pub(super) struct Window {
    limits: Limits,
    /// By minutes since 1970.
    minutes: BTreeMap<i64, Minute>,
    visitors: Visitors,
}

#[derive(Debug, Default)]
struct Minute {
    pageviews: u64,
    pages: NameCounts,
    sources: NameCounts,
    channels: NameCounts,
    countries: NameCounts,
    devices: NameCounts,
}

impl Window {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, minutes: BTreeMap::new(), visitors: Visitors::default() }
    }

    pub(super) fn add(&mut self, event: &LiveEvent<'_>) {
        self.visitors.see(event.visitor(), event.at_ms, self.limits.visitors);
        if event.page_view {
            let names = self.limits.names;
            let minute = self.minutes.entry(event.at_ms.div_euclid(MINUTE_MS)).or_default();
            minute.pageviews += 1;
            minute.pages.add(event.page_path, names);
            minute.sources.add(event.source, names);
            minute.channels.add(event.channel, names);
            minute.countries.add(event.country, names);
            minute.devices.add(event.device_type, names);
            // Counting minutes instead of measuring time: one event from a clock far ahead costs one old minute and no more.
            if self.minutes.len() > self.limits.minutes {
                self.minutes.pop_first();
            }
        }
    }

    /// What is there at `now_ms`. Forgets what is over by then.
    pub(super) fn snapshot(&mut self, now_ms: i64) -> Realtime {
        self.expire(now_ms);
        let now = now_ms.div_euclid(MINUTE_MS);
        let ranked = || self.minutes.range(now - RANKED_MINUTES + 1..).map(|(_, minute)| minute);
        let shown = self.limits.shown;
        Realtime {
            at_ms: now_ms,
            visitors_now: self.visitors.count(),
            visitors_now_at_least: self.visitors.is_incomplete(),
            pageviews_per_minute: self.series(now),
            pageviews: ranked().map(|minute| minute.pageviews).sum(),
            top_pages: rank(ranked().map(|minute| &minute.pages), shown),
            sources: rank(ranked().map(|minute| &minute.sources), shown),
            channels: rank(ranked().map(|minute| &minute.channels), shown),
            countries: rank(ranked().map(|minute| &minute.countries), shown),
            devices: rank(ranked().map(|minute| &minute.devices), shown),
        }
    }

    /// Forgets what no snapshot at or after `now_ms` shows.
    pub(super) fn expire(&mut self, now_ms: i64) {
        let now = now_ms.div_euclid(MINUTE_MS);
        self.visitors.keep(now_ms - PRESENT_MS, now_ms + MAX_FUTURE_MINUTES * MINUTE_MS);
        self.minutes.retain(|minute, _| {
            (now - SERIES_MINUTES as i64 + 1..=now + MAX_FUTURE_MINUTES).contains(minute)
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.minutes.is_empty() && self.visitors.count() == 0
    }

    pub(super) fn newest_minute(&self) -> Option<i64> {
        self.minutes.last_key_value().map(|(minute, _)| *minute)
    }

    /// What edges whose clock is a little ahead have sent belongs to the running minute.
    fn series(&self, now: i64) -> Vec<u64> {
        let mut series = vec![0; SERIES_MINUTES];
        for (minute, counts) in &self.minutes {
            let age = usize::try_from((now - minute).max(0)).expect("not negative");
            series[SERIES_MINUTES - 1 - age] += counts.pageviews;
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_website_that_nobody_looks_at_keeps_no_more_minutes_than_it_could_show() {
        let mut window = Window::new(Limits::DEFAULT);
        for minute in 0..500 {
            window.add(&LiveEvent { at_ms: minute * MINUTE_MS, page_view: true, ..LiveEvent::default() });
        }
        assert_eq!(window.minutes.len(), Limits::DEFAULT.minutes);
        assert_eq!(window.snapshot(499 * MINUTE_MS).pageviews_per_minute, vec![1; SERIES_MINUTES]);
    }
}
