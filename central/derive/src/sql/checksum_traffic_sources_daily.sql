-- Daily traffic sources of some days: how many rows, and a number that says whether they are the same ones.
SELECT count(), sum(cityHash64(*))
FROM (
    SELECT * EXCEPT (version, is_deleted) REPLACE (round(sessions, 6) AS sessions, finalizeAggregation(users) AS users, round(pageviews, 6) AS pageviews, round(revenue, 6) AS revenue, round(transactions, 6) AS transactions, round(duration, 6) AS duration, round(bounces, 6) AS bounces, round(conversions, 6) AS conversions)
    FROM traffic_sources_daily_local FINAL
    WHERE date >= toDate({day_from:UInt16}) AND date <= toDate({day_to:UInt16})
      AND ({website:String} = '' OR website_id = {website:String}) AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
)
