-- The figures of one website and period. A sampled event stands for 1 / sample_rate events; distinct users and sessions are counted
-- as they are. Average engagement is what was received in the period ÷ page views in the period, NULL without page views.
SELECT
    toUInt64(round(sumIf(1 / sample_rate, event_type = 'pageview'))) AS pageviews,
    uniqExact(user_id) AS visitors,
    uniqExact(session_id) AS sessions,
    if(
        countIf(event_type = 'pageview') = 0,
        NULL,
        sum(engagement_ms / sample_rate) / sumIf(1 / sample_rate, event_type = 'pageview')
    ) AS average_engagement_ms
FROM events_local
WHERE website_id = {website_id:String}
    AND server_timestamp >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND server_timestamp < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    AND is_duplicate = 0
    AND is_bot <= {bots:UInt8}
