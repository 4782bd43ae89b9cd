-- Each a function of its events. A dimension of a website's own is what the session said last of it.
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
