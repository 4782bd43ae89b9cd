-- Page views by page, country and device type. A page that had nothing but engagement has a row without page views.
INSERT INTO page_views_hourly_local (
    website_id, page_path, hour, country, device_type, is_bot, pageviews, engagement_ms, users, sessions, version, is_deleted)
SELECT
    website_id,
    page_path,
    toStartOfHour(server_timestamp) AS hour,
    country,
    device_type,
    is_bot,
    sumIf(1 / sample_rate, event_type = 'pageview'),
    sum(engagement_ms / sample_rate),
    uniqExactStateIf(sipHash64(user_id), event_type = 'pageview'),
    uniqExactStateIf(sipHash64(session_id), event_type = 'pageview'),
    {version:UInt64},
    0
FROM events_local
WHERE server_timestamp >= fromUnixTimestamp64Milli({first_hour:Int64}, 'UTC') AND server_timestamp < fromUnixTimestamp64Milli({last_hour:Int64}, 'UTC') + INTERVAL 1 HOUR
  AND is_duplicate = 0 AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
  AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND (website_id, toStartOfHour(server_timestamp)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND (event_type = 'pageview' OR engagement_ms > 0)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY website_id, page_path, hour, country, device_type, is_bot
