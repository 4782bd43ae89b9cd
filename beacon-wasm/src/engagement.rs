//! How long a page was visible and how far it was scrolled. Reads no clock and makes no events.

/// Measures the engagement with one page view. Times are milliseconds of a clock that never goes back.
#[derive(Debug)]
pub struct EngagementMeter {
    visible_since: Option<u64>,
    unreported_ms: u64,
    depth: u32,
    reported_depth: u32,
}

/// What was measured since the last report of the same page view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engagement {
    /// Visible time since the last report, milliseconds.
    pub visible_ms: u32,
    /// Deepest scroll position of the page view so far, percent.
    pub depth: u32,
}

impl EngagementMeter {
    /// Begins with a page view that was made at `now`, and is visible or not.
    #[must_use]
    pub const fn new(visible: bool, now: u64) -> Self {
        Self {
            visible_since: if visible { Some(now) } else { None },
            unreported_ms: 0,
            depth: 0,
            reported_depth: 0,
        }
    }

    /// The page became visible. Repeats change nothing.
    pub fn shown(&mut self, now: u64) {
        self.visible_since.get_or_insert(now);
    }

    /// The page was hidden. Repeats change nothing.
    pub fn hidden(&mut self, now: u64) {
        self.add_visible_time(now);
        self.visible_since = None;
    }

    /// The lower edge of the window stands at `percent` of the page; more than 100 counts as 100.
    pub fn scrolled(&mut self, percent: u32) {
        self.depth = self.depth.max(percent.min(100));
    }

    /// Takes what is new since the last call; `None` when nothing is.
    pub fn take(&mut self, now: u64) -> Option<Engagement> {
        self.add_visible_time(now);
        if self.unreported_ms == 0 && self.depth == self.reported_depth {
            return None;
        }
        self.reported_depth = self.depth;
        let visible_ms = u32::try_from(core::mem::take(&mut self.unreported_ms)).unwrap_or(u32::MAX);
        Some(Engagement { visible_ms, depth: self.depth })
    }

    fn add_visible_time(&mut self, now: u64) {
        if let Some(since) = self.visible_since {
            self.unreported_ms += now.saturating_sub(since);
            self.visible_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_time_in_sight_counts() {
        let mut page = EngagementMeter::new(true, 1_000);
        page.hidden(4_000);
        page.hidden(9_000);
        page.shown(10_000);
        page.shown(11_000);
        page.scrolled(40);
        assert_eq!(page.take(12_500), Some(Engagement { visible_ms: 5_500, depth: 40 }));
    }

    #[test]
    fn reports_are_deltas_of_time_and_repeat_the_depth() {
        let mut page = EngagementMeter::new(true, 0);
        page.scrolled(70);
        assert_eq!(page.take(100), Some(Engagement { visible_ms: 100, depth: 70 }));
        page.scrolled(30);
        assert_eq!(page.take(250), Some(Engagement { visible_ms: 150, depth: 70 }));
        assert_eq!(page.take(250), None);
    }

    #[test]
    fn a_page_opened_in_the_background_has_nothing_to_report() {
        let mut page = EngagementMeter::new(false, 0);
        assert_eq!(page.take(60_000), None);
        page.scrolled(900);
        assert_eq!(page.take(60_001), Some(Engagement { visible_ms: 0, depth: 100 }));
    }

    proptest! {
        #[test]
        fn reports_add_up_to_the_time_in_sight(steps in prop::collection::vec((0_u8..3, 0_u64..100_000), 0..60)) {
            let (mut page, mut now, mut seen, mut visible, mut reported) = (EngagementMeter::new(true, 0), 0, 0, true, 0);
            for (what, pause) in steps {
                now += pause;
                seen += if visible { pause } else { 0 };
                match what {
                    0 => { page.shown(now); visible = true; }
                    1 => { page.hidden(now); visible = false; }
                    _ => reported += page.take(now).map_or(0, |e| u64::from(e.visible_ms)),
                }
            }
            reported += page.take(now).map_or(0, |e| u64::from(e.visible_ms));
            prop_assert_eq!(reported, seen);
        }
    }
}
