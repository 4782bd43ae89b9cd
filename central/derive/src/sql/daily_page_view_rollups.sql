-- The same, on those days: of their hours.
INSERT INTO page_view_rollups_local (
    website_id, dimension, span, start, value, is_bot, pageviews, users, version, is_deleted)
SELECT
    website_id,
    dimension,
    24,
    toStartOfDay(hour) AS start,
    value,
    is_bot,
    sum(pageviews),
    uniqExactMergeState(users),
    {version:UInt64},
    0
FROM (
    SELECT * EXCEPT (start), start AS hour
    FROM page_view_rollups_local FINAL
    WHERE span = 1 AND start >= toDateTime(fromUnixTimestamp64Milli({first_day:Int64}, 'UTC'), 'UTC') AND start < toDateTime(fromUnixTimestamp64Milli({last_day:Int64}, 'UTC'), 'UTC') + INTERVAL 24 HOUR
      AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
      AND (website_id, toStartOfDay(start)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
)
WHERE {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY website_id, dimension, start, value, is_bot
