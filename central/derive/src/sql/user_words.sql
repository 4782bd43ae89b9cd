) AS s
LEFT JOIN (
    -- What the users of the sessions said, in whichever session, and the ends of the sessions, by place in time: at its end, each gets what was
    -- said last, if that was not too long before.
    SELECT website_id, part_id, is_bot, started, mapFromArrays(groupArray(dimension), groupArray(said)) AS said
    FROM (
        SELECT
            website_id, part_id, is_bot, started, dimension, is_end,
            anyLastIf((value, place.1), NOT is_end) OVER (PARTITION BY website_id, user_id, is_bot, dimension ORDER BY place, is_end ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS newest,
            if(newest.2 >= place.1 - toIntervalDay({said_days:UInt16}), newest.1, '') AS said
        FROM (
            SELECT website_id, user_id, is_bot, dimension, value, (server_timestamp, log_offset, log_index) AS place, 0 AS is_end, '' AS part_id, toDateTime(0, 'UTC') AS started
            FROM events_local
            ARRAY JOIN [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20] AS dimension, [custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10, custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20] AS value
            WHERE server_timestamp >= fromUnixTimestamp64Milli({said_from:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({said_to:Int64}, 'UTC') AND is_duplicate = 0
              AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64}) AND website_id IN {user_websites:Array(String)}
              AND value != '' AND (website_id, dimension) IN {user_dimensions:Array(Tuple(String, UInt8))}
              AND user_id IN (
                SELECT user_id
                FROM events_local
                WHERE server_timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({said_to:Int64}, 'UTC') AND is_duplicate = 0
                  AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64}) AND website_id IN {user_websites:Array(String)}
                  AND (website_id, session_id, is_bot) IN (SELECT website_id, session_id, is_bot FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1)
              )
            UNION ALL
            SELECT website_id, ends.user_id, is_bot, dimension, '', ends.place, 1, part_id, toDateTime(first, 'UTC')
            FROM (
                SELECT p.website_id AS website_id, p.is_bot AS is_bot, p.part_id AS part_id, p.first AS first, argMin(e.user_id, e.place) AS user_id, max(e.place) AS place
                FROM (
                    SELECT website_id, session_id, is_bot, user_id, server_timestamp, (server_timestamp, log_offset, log_index) AS place
                    FROM events_local
                    WHERE server_timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({said_to:Int64}, 'UTC') AND is_duplicate = 0
                      AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64}) AND website_id IN {user_websites:Array(String)}
                      AND (website_id, session_id, is_bot) IN (SELECT website_id, session_id, is_bot FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1)
                ) AS e
                INNER JOIN (
                    SELECT website_id, session_id, is_bot, part_id, first, last
                    FROM derivation_sessions
                    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1 AND website_id IN {user_websites:Array(String)}
                ) AS p ON e.website_id = p.website_id AND e.session_id = p.session_id AND e.is_bot = p.is_bot
                WHERE e.server_timestamp >= p.first AND e.server_timestamp <= p.last
                GROUP BY p.website_id, p.is_bot, p.part_id, p.first
            ) AS ends
            INNER JOIN (
                SELECT scoped.1 AS website_id, scoped.2 AS dimension
                FROM (SELECT arrayJoin({user_dimensions:Array(Tuple(String, UInt8))}) AS scoped)
            ) AS d USING (website_id)
        )
    )
    WHERE is_end
    GROUP BY website_id, part_id, is_bot, started
) AS u ON s.website_id = u.website_id AND s.session_id = u.part_id AND s.is_bot = u.is_bot AND s.session_start = u.started
