//! What each figure means, once for all reports: expressions over the columns of `events_local`. Counts and sums are weighted by the inverse
//! of the share of events that a site keeps; distinct users and sessions are counted as they are.

/// Page views, where only page views are counted.
pub(super) const PAGEVIEWS: &str = "toUInt64(round(sum(1 / sample_rate)))";
/// Page views among all events.
pub(super) const PAGEVIEWS_AMONG_EVENTS: &str =
    "toUInt64(round(sumIf(1 / sample_rate, event_type = 'pageview')))";
/// Distinct users, exactly.
pub(super) const VISITORS: &str = "uniqExact(user_id)";
/// Distinct sessions, exactly.
pub(super) const SESSIONS: &str = "uniqExact(session_id)";
/// Milliseconds of engagement received in the period ÷ page views in the period; NULL without page views.
pub(super) const AVERAGE_ENGAGEMENT_MS: &str = "if(countIf(event_type = 'pageview') = 0, NULL, \
     sum(engagement_ms / sample_rate) / sumIf(1 / sample_rate, event_type = 'pageview'))";
