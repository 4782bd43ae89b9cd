-- The rows of the sessions that have ended: each a function of its events. A dimension of a website's own is what the session said last of
-- it; one that belongs to its event only is empty; of one that belongs to users it is what the session's user said last, within the days
-- before its last event, in whichever session.
INSERT INTO sessions_local (
    session_id, website_id, user_id, session_start, session_end, session_duration, pageviews, events, transactions, revenue,
    engagement_ms, landing_page, exit_page, landed_at, traffic_source, source_name, traffic_medium, traffic_campaign, traffic_keyword,
    traffic_content, device_type, browser, os, country, region, city, is_bounce, is_conversion, is_bot, sample_rate,
    custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10,
    custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20,
    version, is_deleted)
SELECT s.* REPLACE (
    multiIf((s.website_id, 1) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[1], (s.website_id, 1) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_1) AS custom_dimension_1,
    multiIf((s.website_id, 2) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[2], (s.website_id, 2) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_2) AS custom_dimension_2,
    multiIf((s.website_id, 3) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[3], (s.website_id, 3) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_3) AS custom_dimension_3,
    multiIf((s.website_id, 4) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[4], (s.website_id, 4) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_4) AS custom_dimension_4,
    multiIf((s.website_id, 5) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[5], (s.website_id, 5) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_5) AS custom_dimension_5,
    multiIf((s.website_id, 6) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[6], (s.website_id, 6) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_6) AS custom_dimension_6,
    multiIf((s.website_id, 7) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[7], (s.website_id, 7) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_7) AS custom_dimension_7,
    multiIf((s.website_id, 8) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[8], (s.website_id, 8) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_8) AS custom_dimension_8,
    multiIf((s.website_id, 9) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[9], (s.website_id, 9) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_9) AS custom_dimension_9,
    multiIf((s.website_id, 10) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[10], (s.website_id, 10) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_10) AS custom_dimension_10,
    multiIf((s.website_id, 11) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[11], (s.website_id, 11) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_11) AS custom_dimension_11,
    multiIf((s.website_id, 12) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[12], (s.website_id, 12) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_12) AS custom_dimension_12,
    multiIf((s.website_id, 13) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[13], (s.website_id, 13) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_13) AS custom_dimension_13,
    multiIf((s.website_id, 14) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[14], (s.website_id, 14) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_14) AS custom_dimension_14,
    multiIf((s.website_id, 15) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[15], (s.website_id, 15) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_15) AS custom_dimension_15,
    multiIf((s.website_id, 16) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[16], (s.website_id, 16) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_16) AS custom_dimension_16,
    multiIf((s.website_id, 17) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[17], (s.website_id, 17) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_17) AS custom_dimension_17,
    multiIf((s.website_id, 18) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[18], (s.website_id, 18) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_18) AS custom_dimension_18,
    multiIf((s.website_id, 19) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[19], (s.website_id, 19) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_19) AS custom_dimension_19,
    multiIf((s.website_id, 20) IN {user_dimensions:Array(Tuple(String, UInt8))}, u.said[20], (s.website_id, 20) IN {hit_dimensions:Array(Tuple(String, UInt8))}, '', s.custom_dimension_20) AS custom_dimension_20)
FROM (
SELECT
    p.part_id AS session_id,
    p.website_id AS website_id,
    (argMin((e.user_id, e.device_type, e.browser, e.os, e.country, e.region, e.city, e.sample_rate), e.place) AS first_event).1 AS user_id,
    toDateTime(p.first, 'UTC') AS session_start,
    toDateTime(p.last, 'UTC') AS session_end,
    intDiv(dateDiff('millisecond', p.first, p.last), 1000) AS session_duration,
    countIf(e.event_type = 'pageview') AS pageviews,
    count() AS events,
    countIf(e.event_type = 'transaction') AS transactions,
    sum(ifNull(e.transaction_revenue, 0)) AS revenue,
    sum(e.engagement_ms) AS engagement_ms,
    argMinIf(e.page_path, e.place, e.event_type = 'pageview') AS landing_page,
    argMaxIf(e.page_path, e.place, e.event_type = 'pageview') AS exit_page,
    if(pageviews = 0, session_start, toDateTime(minIf(e.server_timestamp, e.event_type = 'pageview'), 'UTC')) AS landed_at,
    (argMin((e.traffic_source, e.source_name, e.traffic_medium, e.traffic_campaign, e.traffic_keyword, e.traffic_content), (e.source_known = 0, e.place)) AS source).1 AS traffic_source,
    source.2 AS source_name,
    source.3 AS traffic_medium,
    source.4 AS traffic_campaign,
    source.5 AS traffic_keyword,
    source.6 AS traffic_content,
    first_event.2 AS device_type,
    first_event.3 AS browser,
    first_event.4 AS os,
    first_event.5 AS country,
    first_event.6 AS region,
    first_event.7 AS city,
    pageviews = 1 AND countIf(e.event_type NOT IN ('pageview', 'engagement')) = 0 AND engagement_ms < 10000 AS is_bounce,
    (p.website_id, session_start, p.part_id, p.is_bot) IN (
        SELECT website_id, session_start, session_id, is_bot
        FROM conversions_local
        WHERE version = {version:UInt64} AND is_deleted = 0 AND session_start >= toDateTime(fromUnixTimestamp64Milli({since:Int64}, 'UTC'), 'UTC')
    ) AS is_conversion,
    p.is_bot AS is_bot,
    first_event.8 AS sample_rate,
    argMaxIf(e.custom_dimension_1, e.place, e.custom_dimension_1 != '') AS custom_dimension_1,
    argMaxIf(e.custom_dimension_2, e.place, e.custom_dimension_2 != '') AS custom_dimension_2,
    argMaxIf(e.custom_dimension_3, e.place, e.custom_dimension_3 != '') AS custom_dimension_3,
    argMaxIf(e.custom_dimension_4, e.place, e.custom_dimension_4 != '') AS custom_dimension_4,
    argMaxIf(e.custom_dimension_5, e.place, e.custom_dimension_5 != '') AS custom_dimension_5,
    argMaxIf(e.custom_dimension_6, e.place, e.custom_dimension_6 != '') AS custom_dimension_6,
    argMaxIf(e.custom_dimension_7, e.place, e.custom_dimension_7 != '') AS custom_dimension_7,
    argMaxIf(e.custom_dimension_8, e.place, e.custom_dimension_8 != '') AS custom_dimension_8,
    argMaxIf(e.custom_dimension_9, e.place, e.custom_dimension_9 != '') AS custom_dimension_9,
    argMaxIf(e.custom_dimension_10, e.place, e.custom_dimension_10 != '') AS custom_dimension_10,
    argMaxIf(e.custom_dimension_11, e.place, e.custom_dimension_11 != '') AS custom_dimension_11,
    argMaxIf(e.custom_dimension_12, e.place, e.custom_dimension_12 != '') AS custom_dimension_12,
    argMaxIf(e.custom_dimension_13, e.place, e.custom_dimension_13 != '') AS custom_dimension_13,
    argMaxIf(e.custom_dimension_14, e.place, e.custom_dimension_14 != '') AS custom_dimension_14,
    argMaxIf(e.custom_dimension_15, e.place, e.custom_dimension_15 != '') AS custom_dimension_15,
    argMaxIf(e.custom_dimension_16, e.place, e.custom_dimension_16 != '') AS custom_dimension_16,
    argMaxIf(e.custom_dimension_17, e.place, e.custom_dimension_17 != '') AS custom_dimension_17,
    argMaxIf(e.custom_dimension_18, e.place, e.custom_dimension_18 != '') AS custom_dimension_18,
    argMaxIf(e.custom_dimension_19, e.place, e.custom_dimension_19 != '') AS custom_dimension_19,
    argMaxIf(e.custom_dimension_20, e.place, e.custom_dimension_20 != '') AS custom_dimension_20,
    {version:UInt64} AS version,
    0 AS is_deleted
FROM (
    SELECT event_type, page_path, user_id, engagement_ms, transaction_revenue, sample_rate, source_known, traffic_source, source_name, traffic_medium, traffic_campaign, traffic_keyword, traffic_content,
        device_type, browser, os, country, region, city,
        custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10, custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20, website_id, session_id, is_bot, server_timestamp, (server_timestamp, log_offset, log_index) AS place
    FROM events_local
    WHERE server_timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({idle_to:Int64}, 'UTC') AND is_duplicate = 0
      AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
      AND (website_id, session_id, is_bot) IN (SELECT website_id, session_id, is_bot FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1)
) AS e
INNER JOIN (
    SELECT website_id, session_id, is_bot, part_id, first, last
    FROM derivation_sessions
    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1
) AS p ON e.website_id = p.website_id AND e.session_id = p.session_id AND e.is_bot = p.is_bot
WHERE e.server_timestamp >= p.first AND e.server_timestamp <= p.last
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY p.website_id, p.part_id, p.is_bot, p.first, p.last
) AS s
LEFT JOIN (
    -- By place in time: what users said, and the ends of the sessions, of which each gets what was said last before.
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
