-- Page views by one dimension at a time, in those hours.
INSERT INTO page_view_rollups_local (
    website_id, dimension, span, start, value, is_bot, pageviews, users, version, is_deleted)
SELECT
    website_id,
    entry.1 AS dimension,
    1,
    toStartOfHour(server_timestamp) AS start,
    entry.2 AS value,
    is_bot,
    sum(1 / sample_rate),
    uniqExactState(sipHash64(user_id)),
    {version:UInt64},
    0
FROM events_local
ARRAY JOIN [
    ('page', page_path), ('source', source_name), ('channel', toString(traffic_source)),
    ('country', toString(country)), ('device', toString(device_type)), ('browser', toString(browser))
] AS entry
WHERE server_timestamp >= fromUnixTimestamp64Milli({first_hour:Int64}, 'UTC') AND server_timestamp < fromUnixTimestamp64Milli({last_hour:Int64}, 'UTC') + INTERVAL 1 HOUR
  AND is_duplicate = 0 AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
  AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND (website_id, toStartOfHour(server_timestamp)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND event_type = 'pageview'
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY website_id, dimension, start, value, is_bot
