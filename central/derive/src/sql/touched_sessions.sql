-- Sessions that have events in the log's next stretch, or whose last event may lie between two times or did when they were computed, or that
-- end in the days after their user said something there that belongs to users; as far as they are known within the last days. 2: what is
-- known may not be all, or has to be cut.
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
    UNION ALL
    SELECT s.website_id, splitByChar('~', s.session_id)[1], s.is_bot
    FROM (
        SELECT website_id, user_id, is_bot, session_id, session_end
        FROM sessions_local FINAL
        WHERE website_id IN {user_websites:Array(String)}
          AND session_start >= toDateTime(fromUnixTimestamp64Milli({touched_from:Int64}, 'UTC'), 'UTC') - INTERVAL 24 HOUR
    ) AS s
    INNER JOIN (
        SELECT website_id, user_id, is_bot, min(server_timestamp) AS earliest, max(server_timestamp) AS latest
        FROM events_local
        ARRAY JOIN [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20] AS dimension, [custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10, custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20] AS value
        WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32}
          AND log_offset >= {from:UInt64} AND log_offset < {to:UInt64} AND is_duplicate = 0
          AND website_id IN {user_websites:Array(String)} AND server_timestamp >= fromUnixTimestamp64Milli({touched_from:Int64}, 'UTC')
          AND value != '' AND (website_id, dimension) IN {user_dimensions:Array(Tuple(String, UInt8))}
        GROUP BY website_id, user_id, is_bot
    ) AS u ON s.website_id = u.website_id AND s.user_id = u.user_id AND s.is_bot = u.is_bot
    WHERE s.session_end >= toDateTime(u.earliest, 'UTC') AND s.session_end <= u.latest + toIntervalDay({said_days:UInt16})
  )
  -- Of a session that began on a day whose events are gone, not all is known: it stays as it is.
  AND (website_id, session_id, is_bot) NOT IN (
    SELECT website_id, splitByChar('~', session_id)[1], is_bot
    FROM sessions_local FINAL
    WHERE session_start < toStartOfDay((SELECT min(server_timestamp) FROM events_local))
      AND session_end >= toDateTime(fromUnixTimestamp64Milli({oldest:Int64}, 'UTC'), 'UTC')
  )
GROUP BY website_id, session_id, is_bot
