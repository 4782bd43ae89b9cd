-- What websites had on those days: of their hours.
INSERT INTO daily_summary_local (
    website_id, date, is_bot, events, pageviews, engagement_ms, users, sessions, version, is_deleted)
SELECT
    website_id,
    toDate(hour) AS date,
    is_bot,
    sum(events),
    sum(pageviews),
    sum(engagement_ms),
    uniqExactMergeState(users),
    uniqExactMergeState(sessions),
    {version:UInt64},
    0
FROM hourly_summary_local FINAL
WHERE hour >= toDateTime(fromUnixTimestamp64Milli({first_day:Int64}, 'UTC'), 'UTC') AND hour < toDateTime(fromUnixTimestamp64Milli({last_day:Int64}, 'UTC'), 'UTC') + INTERVAL 24 HOUR
  AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
  AND (website_id, toStartOfDay(hour)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY website_id, date, is_bot
