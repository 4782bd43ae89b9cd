-- What websites had in those hours.
INSERT INTO hourly_summary_local (
    website_id, hour, is_bot, events, pageviews, engagement_ms, users, sessions, version, is_deleted)
SELECT
    website_id,
    toStartOfHour(server_timestamp) AS hour,
    is_bot,
    sum(1 / sample_rate),
    sumIf(1 / sample_rate, event_type = 'pageview'),
    sum(engagement_ms / sample_rate),
    uniqExactState(sipHash64(user_id)),
    uniqExactState(sipHash64(session_id)),
    {version:UInt64},
    0
FROM events_local
WHERE server_timestamp >= fromUnixTimestamp64Milli({first_hour:Int64}, 'UTC') AND server_timestamp < fromUnixTimestamp64Milli({last_hour:Int64}, 'UTC') + INTERVAL 1 HOUR
  AND is_duplicate = 0 AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
  AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND (website_id, toStartOfHour(server_timestamp)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY website_id, hour, is_bot
