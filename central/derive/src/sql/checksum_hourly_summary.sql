-- Hourly summaries of some days: how many rows, and a number that says whether they are the same ones.
SELECT count(), sum(cityHash64(*))
FROM (
    SELECT * EXCEPT (version, is_deleted) REPLACE (round(events, 6) AS events, round(pageviews, 6) AS pageviews, round(engagement_ms, 3) AS engagement_ms, finalizeAggregation(users) AS users, finalizeAggregation(sessions) AS sessions)
    FROM hourly_summary_local FINAL
    WHERE toDate(hour) >= toDate({day_from:UInt16}) AND toDate(hour) <= toDate({day_to:UInt16})
      AND ({website:String} = '' OR website_id = {website:String}) AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
)
