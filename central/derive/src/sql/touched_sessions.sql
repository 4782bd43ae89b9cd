-- Sessions that have events in the log's next stretch, or whose last event may lie between two times or did when they were computed; as far
-- as they are known within the last days. 2: what is known may not be all, or has to be cut.
INSERT INTO derivation_sessions (log_partition, version, website_id, session_id, is_bot, part_id, first, last, state)
SELECT
    {partition:UInt32},
    {version:UInt64},
    website_id,
    session_id,
    is_bot,
    session_id,
    min(server_timestamp) AS first,
    max(server_timestamp) AS last,
    multiIf(
        first < fromUnixTimestamp64Milli({oldest:Int64}, 'UTC') + INTERVAL 24 HOUR OR last >= first + INTERVAL 24 HOUR, 2,
        last <= fromUnixTimestamp64Milli({idle_to:Int64}, 'UTC'), 1,
        0)
FROM events_local
WHERE server_timestamp >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC') AND is_duplicate = 0
  AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
  AND (website_id, session_id, is_bot) IN (
    SELECT website_id, session_id, is_bot
    FROM events_local
    WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32}
      AND log_offset >= {from:UInt64} AND log_offset < {to:UInt64} AND is_duplicate = 0
    UNION ALL
    SELECT website_id, session_id, is_bot
    FROM events_local
    WHERE server_timestamp > fromUnixTimestamp64Milli({window_from:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({window_to:Int64}, 'UTC') AND is_duplicate = 0
      AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64}) AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
    UNION ALL
    SELECT website_id, splitByChar('~', session_id)[1], is_bot
    FROM sessions_local FINAL
    WHERE {again:UInt8} AND session_end > toDateTime(fromUnixTimestamp64Milli({window_from:Int64}, 'UTC'), 'UTC') AND session_end <= toDateTime(fromUnixTimestamp64Milli({window_to:Int64}, 'UTC'), 'UTC')
      AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
  )
  -- Of a session that began on a day whose events are gone, not all is known: it stays as it is.
  AND (website_id, session_id, is_bot) NOT IN (
    SELECT website_id, splitByChar('~', session_id)[1], is_bot
    FROM sessions_local FINAL
    WHERE session_start < toStartOfDay((SELECT min(server_timestamp) FROM events_local))
      AND session_end >= toDateTime(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'), 'UTC')
  )
GROUP BY website_id, session_id, is_bot
