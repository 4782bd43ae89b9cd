-- The rows of the sessions that have ended: each a function of its events.
INSERT INTO sessions_local (
    session_id, website_id, user_id, session_start, session_end, session_duration, pageviews, events, transactions, revenue,
    engagement_ms, landing_page, exit_page, landed_at, traffic_source, source_name, traffic_medium, traffic_campaign, traffic_keyword,
    traffic_content, device_type, browser, os, country, region, city, is_bounce, is_conversion, is_bot, sample_rate,
    custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10,
    custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20,
    version, is_deleted)
SELECT
    p.part_id,
    p.website_id,
    (argMin((e.user_id, e.device_type, e.browser, e.os, e.country, e.region, e.city, e.sample_rate), e.place) AS first_event).1,
    toDateTime(p.first, 'UTC') AS started,
    toDateTime(p.last, 'UTC'),
    intDiv(dateDiff('millisecond', p.first, p.last), 1000),
    countIf(e.event_type = 'pageview') AS views,
    count(),
    countIf(e.event_type = 'transaction'),
    sum(ifNull(e.transaction_revenue, 0)),
    sum(e.engagement_ms) AS engaged,
    argMinIf(e.page_path, e.place, e.event_type = 'pageview'),
    argMaxIf(e.page_path, e.place, e.event_type = 'pageview'),
    if(views = 0, started, toDateTime(minIf(e.server_timestamp, e.event_type = 'pageview'), 'UTC')),
    (argMin((e.traffic_source, e.source_name, e.traffic_medium, e.traffic_campaign, e.traffic_keyword, e.traffic_content), (e.source_known = 0, e.place)) AS source).1,
    source.2,
    source.3,
    source.4,
    source.5,
    source.6,
    first_event.2,
    first_event.3,
    first_event.4,
    first_event.5,
    first_event.6,
    first_event.7,
    views = 1 AND countIf(e.event_type NOT IN ('pageview', 'engagement')) = 0 AND engaged < 10000,
    (p.website_id, started, p.part_id, p.is_bot) IN (
        SELECT website_id, session_start, session_id, is_bot
        FROM conversions_local
        WHERE version = {version:UInt64} AND is_deleted = 0 AND session_start >= toDateTime(fromUnixTimestamp64Milli({since:Int64}, 'UTC'), 'UTC')
    ),
    p.is_bot,
    first_event.8,
    argMaxIf(e.custom_dimension_1, e.place, e.custom_dimension_1 != ''),
    argMaxIf(e.custom_dimension_2, e.place, e.custom_dimension_2 != ''),
    argMaxIf(e.custom_dimension_3, e.place, e.custom_dimension_3 != ''),
    argMaxIf(e.custom_dimension_4, e.place, e.custom_dimension_4 != ''),
    argMaxIf(e.custom_dimension_5, e.place, e.custom_dimension_5 != ''),
    argMaxIf(e.custom_dimension_6, e.place, e.custom_dimension_6 != ''),
    argMaxIf(e.custom_dimension_7, e.place, e.custom_dimension_7 != ''),
    argMaxIf(e.custom_dimension_8, e.place, e.custom_dimension_8 != ''),
    argMaxIf(e.custom_dimension_9, e.place, e.custom_dimension_9 != ''),
    argMaxIf(e.custom_dimension_10, e.place, e.custom_dimension_10 != ''),
    argMaxIf(e.custom_dimension_11, e.place, e.custom_dimension_11 != ''),
    argMaxIf(e.custom_dimension_12, e.place, e.custom_dimension_12 != ''),
    argMaxIf(e.custom_dimension_13, e.place, e.custom_dimension_13 != ''),
    argMaxIf(e.custom_dimension_14, e.place, e.custom_dimension_14 != ''),
    argMaxIf(e.custom_dimension_15, e.place, e.custom_dimension_15 != ''),
    argMaxIf(e.custom_dimension_16, e.place, e.custom_dimension_16 != ''),
    argMaxIf(e.custom_dimension_17, e.place, e.custom_dimension_17 != ''),
    argMaxIf(e.custom_dimension_18, e.place, e.custom_dimension_18 != ''),
    argMaxIf(e.custom_dimension_19, e.place, e.custom_dimension_19 != ''),
    argMaxIf(e.custom_dimension_20, e.place, e.custom_dimension_20 != ''),
    {version:UInt64},
    0
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
