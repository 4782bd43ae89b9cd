//! How far what is derived of one partition's websites is, and what comes next. Pure: times are arguments, milliseconds since 1970.

use super::step::{Again, Step};

/// One minute, hour and day, milliseconds.
const MINUTE_MS: i64 = 60 * 1000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// How much later than others an event may come without being late.
const LATENESS_MS: i64 = 5 * MINUTE_MS;
/// A session without events for so long has ended.
const IDLE_MS: i64 = 30 * MINUTE_MS;
/// Most records of the log, hours of sessions' ends and hours of cells of one step: what is longer takes several.
pub(crate) const MAX_RECORDS: u64 = 200_000;
const MAX_ENDS_MS: i64 = HOUR_MS;
const MAX_HOURS_MS: i64 = 6 * HOUR_MS;
/// How much of the past a step takes; a day is made of whole ones.
const PAST_MS: i64 = 6 * HOUR_MS;

/// How far a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Events below this offset of the log are accounted for ...
    pub(crate) log_offset: u64,
    /// ... in the cells of the hours from here to there.
    pub(crate) whole_from: i64,
    pub(crate) whole_to: i64,
    /// Sessions whose last event lies behind the first and not behind the second are there.
    pub(crate) sessions_from: i64,
    pub(crate) sessions_to: i64,
    /// Where the past begins.
    pub(crate) past_from: i64,
    /// Whole days from here on have their visits by hour: later than all days where a build that knew none derived them.
    pub(crate) visits_from: i64,
}

/// What the log and the store have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Available {
    /// The stretch of the log that is looked at ends here: all below is stored.
    pub(crate) to: u64,
    /// Whether that is the log's end.
    pub(crate) at_end: bool,
    /// The first and last time of the stretch's events; none where it has no events.
    pub(crate) times: Option<(i64, i64)>,
    /// The last time of any event below the stretch's end.
    pub(crate) newest: i64,
    /// The clock.
    pub(crate) now: i64,
}

impl Available {
    /// No event is expected any more that is older than this.
    pub(crate) fn watermark(&self) -> i64 {
        let newest = if self.at_end { self.newest.max(self.now) } else { self.newest };
        (newest - LATENESS_MS).min(self.now)
    }
}

impl Progress {
    /// Where a partition begins that has none yet: at what the log and the store have now. All that is older is the past; its first event
    /// was received at `earliest`. Where the store has none, no event says how late it is, and the clock does.
    pub(crate) fn begin(available: Available, earliest: Option<i64>) -> Self {
        let at_end = available.at_end || earliest.is_none();
        let watermark = Available { at_end, ..available }.watermark();
        let whole_to = floor(watermark, HOUR_MS);
        let sessions_to = watermark - IDLE_MS;
        let past_from = earliest.map_or(whole_to, |earliest| floor(earliest, DAY_MS));
        let begun = Self {
            log_offset: available.to,
            whole_from: whole_to,
            whole_to,
            sessions_from: sessions_to,
            sessions_to,
            past_from,
            visits_from: whole_to,
        };
        begun.without_past()
    }

    /// Nothing is older than the first event.
    fn without_past(self) -> Self {
        if self.whole_from > self.past_from {
            return self;
        }
        let visits_from = if self.visits_from == self.whole_from { 0 } else { self.visits_from };
        Self { whole_from: 0, sessions_from: 0, visits_from, ..self }
    }

    /// Whether something is left of the past.
    pub(crate) fn has_past(&self) -> bool {
        self.whole_from > 0
    }

    /// Whether days are left that have everything but their visits by hour.
    pub(crate) fn lacks_visits(&self) -> bool {
        self.visits_from > 0
    }

    /// The step that takes in the log's next stretch, and whatever has become whole or has ended by the watermark; nothing when there is
    /// neither.
    pub(crate) fn forward(&self, available: Available) -> Option<Step> {
        let watermark = available.watermark();
        let sessions_to = (watermark - IDLE_MS).min(self.sessions_to + MAX_ENDS_MS).max(self.sessions_to);
        let whole_to = floor(watermark, HOUR_MS).min(self.whole_to + MAX_HOURS_MS).max(self.whole_to);
        // The past begins with the oldest event, whenever that comes.
        let first_day = available.times.map_or(self.past_from, |(first, _)| floor(first, DAY_MS));
        let past_from = first_day.min(self.past_from);
        let log_offset = available.to.max(self.log_offset);
        let next = Self { log_offset, whole_to, sessions_to, past_from, ..*self };
        if next == *self {
            return None;
        }
        let oldest = available.times.map_or(self.sessions_to, |(first, _)| first.min(self.sessions_to));
        let is_late = available.times.is_some_and(|(first, _)| first < self.whole_to);
        Some(Step {
            offsets: (self.log_offset, next.log_offset),
            touched_from: oldest,
            ends: (self.sessions_to, sessions_to),
            ended_by: sessions_to,
            hours: (self.whole_to, whole_to),
            late_hours: if is_late { (self.whole_from, self.whole_to) } else { (0, 0) },
            days: (floor(self.whole_to, DAY_MS), floor(whole_to, DAY_MS)),
            whole_days: next.whole_days(),
            again: Again::No,
            website: None,
            next,
        })
    }

    /// The step that goes back into the past, or nothing when all of it is done.
    pub(crate) fn back(&self) -> Option<Step> {
        if !self.has_past() {
            return self.back_for_visits();
        }
        let from = floor(self.whole_from - 1, PAST_MS);
        let visits_from = if self.visits_from == self.whole_from { from } else { self.visits_from };
        let next = Self { whole_from: from, sessions_from: from - 1, visits_from, ..*self }.without_past();
        let ends = (from - 1, self.sessions_from.max(from - 1));
        let days = (floor(from, DAY_MS), floor(self.whole_from - 1, DAY_MS) + DAY_MS);
        Some(self.step_of((from, self.whole_from), ends, days, Again::No, next))
    }

    /// The step that computes the visits by hour of the newest day that lacks them.
    fn back_for_visits(&self) -> Option<Step> {
        if !self.lacks_visits() {
            return None;
        }
        let to = floor(self.visits_from.min(self.whole_to), DAY_MS);
        let from = to - DAY_MS;
        let next = Self { visits_from: if from > self.past_from { from } else { 0 }, ..*self };
        let (hours, ends) = ((self.whole_to, self.whole_to), (self.sessions_to, self.sessions_to));
        Some(self.step_of(hours, ends, (from, to), Again::No, next))
    }

    /// The step that computes a UTC day again that begins at `day`, as far as it is derived already; of one website or of all. Nothing where
    /// nothing of it is.
    pub(crate) fn again(&self, day: i64, website: Option<String>) -> Option<Step> {
        let hours = (day.max(self.whole_from), (day + DAY_MS).min(self.whole_to));
        let ends = ((day - 1).max(self.sessions_from), (day + DAY_MS - 1).min(self.sessions_to));
        let (hours, ends) = (at_least_empty(hours), at_least_empty(ends));
        if hours.0 == hours.1 && ends.0 == ends.1 {
            return None;
        }
        let step = self.step_of(hours, ends, (day, day + DAY_MS), Again::Yes, *self);
        Some(Step { website, ..step })
    }

    fn step_of(
        &self,
        hours: (i64, i64),
        ends: (i64, i64),
        days: (i64, i64),
        again: Again,
        next: Self,
    ) -> Step {
        Step {
            offsets: (self.log_offset, self.log_offset),
            touched_from: ends.0,
            ends,
            ended_by: self.sessions_to,
            hours,
            late_hours: (0, 0),
            days,
            whole_days: next.whole_days(),
            again,
            website: None,
            next,
        }
    }

    /// The days whose hours are all whole.
    pub(crate) fn whole_days(&self) -> (i64, i64) {
        at_least_empty((floor(self.whole_from + DAY_MS - 1, DAY_MS), floor(self.whole_to, DAY_MS)))
    }
}

fn at_least_empty((from, to): (i64, i64)) -> (i64, i64) {
    (from, to.max(from))
}

/// The begin of the hour or day that a time lies in.
fn floor(time: i64, span: i64) -> i64 {
    time.div_euclid(span) * span
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-30 12:00 UTC.
    const NOON: i64 = 1_796_040_000_000;

    fn available(to: u64, times: Option<(i64, i64)>, now: i64) -> Available {
        Available { to, at_end: true, times, newest: times.map_or(0, |(_, last)| last), now }
    }

    #[test]
    fn an_empty_store_has_no_past_and_the_first_hour_becomes_whole_once_it_is_over() {
        let begun = Progress::begin(available(0, None, NOON + 20 * MINUTE_MS), None);
        assert_eq!((begun.whole_from, begun.whole_to, begun.has_past()), (0, NOON, false));
        let soon = available(0, None, NOON + 64 * MINUTE_MS);
        let step = begun.forward(soon).expect("sessions may have ended");
        assert_eq!((step.hours, step.next.whole_to), ((NOON, NOON), NOON));
        let later = available(0, None, NOON + 65 * MINUTE_MS);
        assert_eq!(begun.forward(later).expect("an hour").hours, (NOON, NOON + HOUR_MS));
        assert_eq!(begun.forward(available(0, None, NOON)), None, "a clock that goes back changes nothing");
    }

    #[test]
    fn an_empty_store_behind_a_log_that_is_not_begins_by_the_clock() {
        let begun = Progress::begin(Available { at_end: false, ..available(0, None, NOON) }, None);
        assert_eq!((begun.whole_to, begun.has_past()), (NOON - HOUR_MS, false));
        assert_eq!(begun.sessions_to, NOON - LATENESS_MS - IDLE_MS);
    }

    #[test]
    fn behind_the_logs_end_only_events_say_how_late_it_is() {
        let begun = Progress::begin(available(10, None, NOON), None);
        let stretch = Available {
            at_end: false,
            ..available(20, Some((NOON - 2 * HOUR_MS, NOON - 50 * MINUTE_MS)), NOON + DAY_MS)
        };
        let step = begun.forward(stretch).expect("a stretch");
        assert_eq!(
            (step.offsets, step.next.sessions_to, step.next.whole_to),
            ((10, 20), begun.sessions_to, begun.whole_to)
        );
        assert_eq!(step.touched_from, NOON - 2 * HOUR_MS);
        assert_eq!(step.late_hours, (0, begun.whole_to));
    }

    #[test]
    fn the_past_is_done_from_the_newest_day_to_the_oldest_and_each_day_becomes_whole_once() {
        let mut progress = Progress::begin(available(10, None, NOON + HOUR_MS), Some(NOON - 3 * DAY_MS));
        assert!(progress.has_past());
        let (mut hours, mut ends) = (progress.whole_from, progress.sessions_from);
        let mut days = Vec::new();
        while let Some(step) = progress.back() {
            assert_eq!(step.hours.1, hours);
            assert_eq!((step.ends.1, step.ended_by), (ends, progress.sessions_to));
            (hours, ends) = (step.hours.0, step.ends.0);
            let whole = step.whole_days;
            days.extend(
                (step.days.0..step.days.1)
                    .step_by(DAY_MS as usize)
                    .filter(|day| (whole.0..whole.1).contains(day)),
            );
            progress = step.next;
        }
        days.dedup();
        let today = floor(NOON, DAY_MS);
        assert_eq!((hours, days), (today - 3 * DAY_MS, (1..=3).map(|ago| today - ago * DAY_MS).collect()));
        assert_eq!((progress.whole_from, progress.sessions_from), (0, 0));
    }

    #[test]
    fn the_past_goes_back_to_an_event_that_comes_later_and_is_older_than_all_that_were_there() {
        let begun = Progress::begin(available(10, None, NOON), Some(NOON - 2 * DAY_MS));
        let old = NOON - 7 * DAY_MS;
        let mut progress = begun.forward(available(11, Some((old, old)), NOON)).expect("an event").next;
        let mut hours = progress.whole_from;
        while let Some(step) = progress.back() {
            (hours, progress) = (step.hours.0, step.next);
        }
        assert!(hours <= old, "{hours} {old}");
    }

    #[test]
    fn days_that_lack_their_visits_by_hour_get_them_after_the_past_the_newest_first() {
        let begun = Progress::begin(available(10, None, NOON + HOUR_MS), Some(NOON - 3 * DAY_MS));
        assert_eq!(begun.visits_from, begun.whole_from, "days become whole with them");
        // As a build left it that knew none.
        let mut progress = Progress { visits_from: 4_102_444_800_000, ..begun };
        let mut days = Vec::new();
        while let Some(step) = progress.back() {
            if !progress.has_past() {
                assert_eq!(
                    (step.hours.0, step.ends.0),
                    (step.hours.1, step.ends.1),
                    "nothing else is computed"
                );
                days.push(step.days);
            }
            progress = step.next;
        }
        let today = floor(NOON, DAY_MS);
        let day = |ago: i64| (today - ago * DAY_MS, today - (ago - 1) * DAY_MS);
        assert_eq!((days, progress.visits_from), (vec![day(1), day(2), day(3)], 0));
    }

    #[test]
    fn a_day_is_computed_again_as_far_as_it_is_there() {
        let progress = Progress::begin(available(10, None, NOON + HOUR_MS), Some(NOON - 3 * DAY_MS));
        let today = floor(NOON, DAY_MS);
        assert_eq!(progress.again(today - DAY_MS, None), None);
        let done = Progress { whole_from: 0, sessions_from: 0, ..progress };
        let step = done.again(today - DAY_MS, Some("w".to_owned())).expect("a day");
        assert_eq!(
            (step.hours, step.next, step.website),
            ((today - DAY_MS, today), done, Some("w".to_owned()))
        );
        assert_eq!(done.again(today, None).expect("its hours").hours, (today, done.whole_to));
        assert_eq!(done.again(today + 2 * DAY_MS, None), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_goes_back_and_every_hour_and_end_is_taken_once(
            steps in prop::collection::vec((0_u64..400, -30_i64..30, 0_i64..200, any::<bool>()), 1..40)
        ) {
            let mut progress = Progress::begin(available(0, None, NOON), None);
            let (mut to, mut now) = (0, NOON);
            for (records, age, minutes, at_end) in steps {
                to += records;
                now += minutes * MINUTE_MS;
                let time = now - age * MINUTE_MS * 10;
                let times = (records > 0).then_some((time, time));
                let seen = Available { to, at_end, times, newest: time.max(NOON), now };
                if let Some(step) = progress.forward(seen) {
                    prop_assert_eq!(step.offsets, (progress.log_offset, to));
                    prop_assert_eq!(step.hours, (progress.whole_to, step.next.whole_to));
                    prop_assert_eq!(step.ends, (progress.sessions_to, step.next.sessions_to));
                    prop_assert!(step.next.whole_to >= progress.whole_to && step.next.sessions_to >= progress.sessions_to);
                    prop_assert!(step.next.whole_to <= now && step.next.sessions_to < now);
                    progress = step.next;
                }
            }
        }
    }
}
