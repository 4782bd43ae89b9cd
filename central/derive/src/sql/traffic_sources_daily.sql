-- The sources of the sessions that began on those days.
INSERT INTO traffic_sources_daily_local (
    website_id, date, traffic_source, source_name, traffic_medium, traffic_campaign, is_bot, sessions, users, pageviews, revenue,
    transactions, duration, bounces, conversions, version, is_deleted)
SELECT
    website_id,
    toDate(session_start) AS date,
    traffic_source,
    source_name,
    traffic_medium,
    traffic_campaign,
    is_bot,
    sum(1 / sample_rate),
    uniqExactState(sipHash64(user_id)),
    sum(s.pageviews / sample_rate),
    sum(s.revenue / sample_rate),
    sum(s.transactions / sample_rate),
    sum(session_duration / sample_rate),
    sum(is_bounce / sample_rate),
    sum(is_conversion / sample_rate),
    {version:UInt64},
    0
FROM sessions_local AS s FINAL
WHERE session_start >= toDateTime(fromUnixTimestamp64Milli({first_day:Int64}, 'UTC'), 'UTC') AND session_start < toDateTime(fromUnixTimestamp64Milli({last_day:Int64}, 'UTC'), 'UTC') + INTERVAL 24 HOUR
  AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
  AND (website_id, toStartOfDay(session_start)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY website_id, date, traffic_source, source_name, traffic_medium, traffic_campaign, is_bot
