-- Rows of the step's sessions that it has not written: of sessions that go on after all, began earlier than was known, or are no more.
INSERT INTO sessions_local (
    session_id, website_id, user_id, session_start, session_end, session_duration, pageviews, events, transactions, revenue,
    engagement_ms, landing_page, exit_page, landed_at, traffic_source, source_name, traffic_medium, traffic_campaign, traffic_keyword,
    traffic_content, device_type, browser, os, country, region, city, is_bounce, is_conversion, is_bot, sample_rate,
    custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10,
    custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20,
    version, is_deleted)
SELECT
    session_id, website_id, user_id, session_start, session_end, session_duration, pageviews, events, transactions, revenue,
    engagement_ms, landing_page, exit_page, landed_at, traffic_source, source_name, traffic_medium, traffic_campaign, traffic_keyword,
    traffic_content, device_type, browser, os, country, region, city, is_bounce, is_conversion, is_bot, sample_rate,
    custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10,
    custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20,
    {version:UInt64},
    1
FROM (
    SELECT *, splitByChar('~', session_id)[1] AS whole_id
    FROM sessions_local FINAL
    WHERE session_start >= toDateTime(fromUnixTimestamp64Milli({since:Int64}, 'UTC'), 'UTC')
      AND website_id IN (SELECT website_id FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64})
) AS s
INNER JOIN (
    SELECT website_id AS step_website, session_id AS step_session, is_bot AS step_bot, min(first) AS step_since
    FROM derivation_sessions
    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state < 2
    GROUP BY step_website, step_session, step_bot
) AS t ON s.website_id = t.step_website AND s.whole_id = t.step_session AND s.is_bot = t.step_bot
WHERE s.version < {version:UInt64} AND s.session_start >= toDateTime(t.step_since, 'UTC')
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
