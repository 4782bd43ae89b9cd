//! What each figure means, once for all reports: the sentence that people read, and the expression that computes it. Counts and sums are
//! weighted by the inverse of the share of events that a site keeps; distinct visitors and sessions are counted as they are. Pure.

use serde::Serialize;

/// What a figure means, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// What answers call it.
    pub figure: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What it counts: `page views`, `ms`, `share`, ...
    pub unit: &'static str,
    /// One sentence, or two.
    pub meaning: &'static str,
}

const fn define(
    figure: &'static str,
    name: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Definition {
    Definition { figure, name, unit, meaning }
}

/// All figures that answers have.
pub const DEFINITIONS: &[Definition] = &[
    define(
        "pageviews",
        "Page views",
        "page views",
        "Looks at pages that the edge received in the period. Where a site keeps a share of its events only, each counts for those that were not kept.",
    ),
    define(
        "visitors",
        "Visitors",
        "visitors",
        "Distinct user ids among all events of the period, counted exactly; in a list, among the page views of its row. Not weighted, so that a site that keeps a share of its events sees those it has kept.",
    ),
    define(
        "sessions",
        "Sessions",
        "sessions",
        "Distinct session ids among all events of the period, also of sessions that have not ended. Not weighted.",
    ),
    define(
        "average_engagement_ms",
        "Average engagement",
        "ms",
        "Milliseconds of engagement (a page visible and used) received in the period, divided by its page views; none without page views.",
    ),
    define(
        "visits",
        "Visits",
        "visits",
        "Sessions that began in the period and have ended: no event for 30 minutes, or cut 24 hours after their start. Weighted like page views.",
    ),
    define(
        "bounces",
        "Bounces",
        "visits",
        "Visits of one page view without any interaction and with less than ten seconds of engagement; each counts when its landing page was viewed, and for that page.",
    ),
    define(
        "bounce_rate",
        "Bounce rate",
        "share",
        "The share of the period's visits that were bounces (from 0 to 1, which the page shows as 0 to 100 %); none without visits.",
    ),
    define(
        "average_duration_s",
        "Visit duration",
        "s",
        "Seconds from a visit's first event to its last, on average; a visit of one event lasts 0. None without visits.",
    ),
    define(
        "pages_per_visit",
        "Pages per visit",
        "page views",
        "Page views of the period's visits, divided by the visits; none without visits.",
    ),
    define(
        "conversions",
        "Conversions",
        "visits",
        "The period's visits that reached at least one goal; in the list of goals, that reached this goal, each counted once however often it did.",
    ),
    define(
        "conversion_rate",
        "Conversion rate",
        "share",
        "The share of the period's visits that reached at least one goal (from 0 to 1, which the page shows as 0 to 100 %); none without visits.",
    ),
    define(
        "revenue",
        "Revenue",
        "currency of the site",
        "The sum of the transactions of the period's visits; in the list of goals, of those visits that reached the goal, so that a visit with two goals stands in both.",
    ),
    define(
        "times",
        "Times reached",
        "times",
        "How often a goal was reached, more than once in a visit included.",
    ),
    define("top_pages", "Pages", "page views", "Paths of pages by page views."),
    define(
        "sources",
        "Sources",
        "page views",
        "Those who sent the sessions: utm_source, else the search engine, the network, the host or the app; empty where it is not known.",
    ),
    define(
        "channels",
        "Channels",
        "page views",
        "Classes of what brought the sessions: organic, paid, direct, referral, social, email, display, affiliate, ai, other.",
    ),
    define(
        "countries",
        "Countries",
        "page views",
        "Countries (ISO 3166) that the visitors' addresses are in; empty where it is not known.",
    ),
    define("devices", "Devices", "page views", "Device types, by what the browser says of itself."),
    define("browsers", "Browsers", "page views", "Browsers, by what they say of themselves."),
    define(
        "entry_pages",
        "Entry pages",
        "visits",
        "Pages that the period's visits viewed first. Visits without a page view are in no row.",
    ),
    define(
        "exit_pages",
        "Exit pages",
        "visits",
        "Pages that the period's visits viewed last. Visits without a page view are in no row.",
    ),
    define(
        "goals",
        "Goals",
        "visits",
        "What a site wants its visitors to reach: a page, an event, a duration or a number of pages.",
    ),
    define(
        "fresh_until",
        "Counted ahead until",
        "instant",
        "Whole hours before it are read from tables that were computed ahead, what came later from the events themselves: figures are right up to now either way.",
    ),
    define(
        "sessions_until",
        "Visits until",
        "instant",
        "Visits whose last event was before it are counted; those that came after it may still go on.",
    ),
];

/// Of page views and the engagement that arrived, among events.
pub(super) mod of_events {
    /// Page views among all events, weighted.
    pub(crate) const VIEWS: &str = "sumIf(1 / sample_rate, event_type = 'pageview')";
    /// Page views where only page views are counted, weighted.
    pub(crate) const ONLY_VIEWS: &str = "sum(1 / sample_rate)";
    /// Milliseconds of engagement, weighted.
    pub(crate) const ENGAGEMENT: &str = "sum(engagement_ms / sample_rate)";
    /// A set of users.
    pub(crate) const USERS: &str = "uniqExactState(sipHash64(user_id))";
    /// A set of sessions.
    pub(crate) const SESSIONS: &str = "uniqExactState(sipHash64(session_id))";
}

/// Of parts that were counted apart: rows of tables, and what was counted of events. Their columns are `views`, `engagement`, `user_set` and
/// `session_set`.
pub(super) mod of_parts {
    /// Page views.
    pub(crate) const PAGEVIEWS: &str = "toUInt64(round(sum(views)))";
    /// Distinct users, exactly.
    pub(crate) const VISITORS: &str = "uniqExactMerge(user_set)";
    /// Distinct sessions, exactly.
    pub(crate) const SESSIONS: &str = "uniqExactMerge(session_set)";
    /// Milliseconds of engagement ÷ page views; NULL without page views.
    pub(crate) const AVERAGE_ENGAGEMENT_MS: &str = "if(sum(views) = 0, NULL, sum(engagement) / sum(views))";
}

/// Of sessions that have ended. `began` and `landed` say whether a session began, or its landing page was viewed, in the period.
pub(super) mod of_sessions {
    /// Whether it began in the period.
    pub(crate) const BEGAN: &str = "session_start >= period_from AND session_start < period_to";
    /// Visits.
    pub(crate) const VISITS: &str = "toUInt64(round(sumIf(1 / sample_rate, began)))";
    /// Bounces.
    pub(crate) const BOUNCES: &str =
        "toUInt64(round(sumIf(is_bounce / sample_rate, landed_at >= period_from AND landed_at < period_to)))";
}

/// Of what visits come to, by the hour or one by one: weighted sums of those that began, and bounces by their page view.
pub(super) mod of_visits {
    /// Visits.
    pub(crate) const VISITS: &str = "toUInt64(round(sum(begun)))";
    /// Bounces.
    pub(crate) const BOUNCES: &str = "toUInt64(round(sum(landed_bounced)))";
    /// Share of visits.
    pub(crate) const BOUNCE_RATE: &str = "if(sum(begun) = 0, NULL, sum(begun_bounced) / sum(begun))";
    /// Seconds.
    pub(crate) const AVERAGE_DURATION_S: &str = "if(sum(begun) = 0, NULL, sum(seconds) / sum(begun))";
    /// Page views ÷ visits.
    pub(crate) const PAGES_PER_VISIT: &str = "if(sum(begun) = 0, NULL, sum(viewed) / sum(begun))";
    /// Visits that reached a goal.
    pub(crate) const CONVERSIONS: &str = "toUInt64(round(sum(converted)))";
    /// Share of visits.
    pub(crate) const CONVERSION_RATE: &str = "if(sum(begun) = 0, NULL, sum(converted) / sum(begun))";
    /// Of transactions.
    pub(crate) const REVENUE: &str = "sum(earned)";
}

/// Of conversions: which session reached which goal.
pub(super) mod of_conversions {
    /// Visits that reached the goal.
    pub(crate) const CONVERSIONS: &str = "toUInt64(round(sum(1 / sample_rate)))";
    /// How often.
    pub(crate) const TIMES: &str = "toUInt64(round(sum(times / sample_rate)))";
    /// Of the visits' transactions.
    pub(crate) const REVENUE: &str = "sum(revenue / sample_rate)";
}
