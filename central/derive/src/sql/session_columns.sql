-- Rows of sessions that have ended. What follows gives them.
INSERT INTO sessions_local (
    session_id, website_id, user_id, session_start, session_end, session_duration, pageviews, events, transactions, revenue,
    engagement_ms, landing_page, exit_page, landed_at, traffic_source, source_name, traffic_medium, traffic_campaign, traffic_keyword,
    traffic_content, device_type, browser, os, country, region, city, is_bounce, is_conversion, is_bot, sample_rate,
    custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5, custom_dimension_6, custom_dimension_7, custom_dimension_8, custom_dimension_9, custom_dimension_10,
    custom_dimension_11, custom_dimension_12, custom_dimension_13, custom_dimension_14, custom_dimension_15, custom_dimension_16, custom_dimension_17, custom_dimension_18, custom_dimension_19, custom_dimension_20,
    version, is_deleted)
