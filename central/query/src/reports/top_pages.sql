-- The pages of one website and period by page views, and the distinct users who saw them.
SELECT
    page_path AS name,
    toUInt64(round(sum(1 / sample_rate))) AS pageviews,
    uniqExact(user_id) AS visitors
FROM events_local
WHERE website_id = {website_id:String}
    AND server_timestamp >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND server_timestamp < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    AND event_type = 'pageview'
    AND is_duplicate = 0
    AND is_bot <= {bots:UInt8}
GROUP BY name
ORDER BY pageviews DESC, name
LIMIT {limit:UInt16}
