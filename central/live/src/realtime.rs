//! What the live page shows of one website, the same from every backend. Pure.

use std::cmp::Ordering;

use serde::Serialize;

/// Minutes in [`Realtime::pageviews_per_minute`].
pub const SERIES_MINUTES: usize = 60;
/// Minutes that the rankings cover.
pub(super) const RANKED_MINUTES: i64 = 30;
/// Somebody seen within these minutes is there now.
pub(super) const PRESENT_MINUTES: i64 = 5;
/// How far an edge's clock may be ahead, in minutes: central refuses an edge that is 60 s off. What is later than that is not shown.
pub(super) const MAX_FUTURE_MINUTES: i64 = 2;
/// Milliseconds of a minute.
pub(super) const MINUTE_MS: i64 = 60_000;
/// Distinct names kept per minute and list; page views under further names are counted together.
pub(super) const MAX_NAMES: usize = 200;
/// Names shown per list.
pub(super) const SHOWN: usize = 10;
/// Longest name kept, bytes; a longer one is cut and ends with an ellipsis.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// How a website looks at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Realtime {
    /// The moment, milliseconds since 1970.
    pub at_ms: i64,
    /// Distinct visitors seen in the last five minutes. In memory to the millisecond; in Redis an estimate (some 1 % off when they are
    /// many) over the running minute and the four before it.
    pub visitors_now: u64,
    /// There were more than could be told apart; `visitors_now` is a lower bound.
    pub visitors_now_at_least: bool,
    /// Page views of the last 60 minutes, oldest first; the last one is the minute that is running.
    pub pageviews_per_minute: Vec<u64>,
    /// Page views of the last 30 minutes, the running one included: what the lists below add up to.
    pub pageviews: u64,
    /// Pages by page views in the last 30 minutes.
    pub top_pages: Ranking,
    /// Those who sent the visits, by page views in the last 30 minutes.
    pub sources: Ranking,
    /// Classes of traffic sources by page views in the last 30 minutes.
    pub channels: Ranking,
    /// Countries by page views in the last 30 minutes.
    pub countries: Ranking,
    /// Device types by page views in the last 30 minutes.
    pub devices: Ranking,
}

/// The greatest names of a span of minutes. `top` and `other` together are all page views of that span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ranking {
    /// Greatest first; names of equal count in alphabetical order.
    pub top: Vec<Ranked>,
    /// Page views under names that are not in `top`.
    pub other: u64,
}

/// One name of a [`Ranking`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ranked {
    /// The page, source, channel, country or device; empty where it is unknown.
    pub name: String,
    /// Page views.
    pub pageviews: u64,
}

impl Ranking {
    /// The `length` greatest of `counts`; the others go to `other`.
    pub(super) fn of<N: AsRef<str>>(mut counts: Vec<(N, u64)>, other: u64, length: usize) -> Self {
        let order = |a: &(N, u64), b: &(N, u64)| -> Ordering {
            b.1.cmp(&a.1).then_with(|| a.0.as_ref().cmp(b.0.as_ref()))
        };
        counts.sort_unstable_by(order);
        let rest = counts.split_off(counts.len().min(length));
        let ranked = |(name, pageviews): (N, u64)| Ranked { name: name.as_ref().to_owned(), pageviews };
        Self {
            top: counts.into_iter().map(ranked).collect(),
            other: other + rest.into_iter().map(|(_, count)| count).sum::<u64>(),
        }
    }
}

/// The name as it is kept.
pub(super) fn shortened(name: &str) -> std::borrow::Cow<'_, str> {
    if name.len() <= MAX_NAME_BYTES {
        name.into()
    } else {
        let end = name.floor_char_boundary(MAX_NAME_BYTES - '…'.len_utf8());
        format!("{}…", &name[..end]).into()
    }
}
