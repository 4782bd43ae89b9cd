-- Page views by dimension of some days: how many rows, and a number that says whether they are the same ones.
SELECT count(), sum(cityHash64(*))
FROM (
    SELECT * EXCEPT (version, is_deleted) REPLACE (round(pageviews, 6) AS pageviews, finalizeAggregation(users) AS users)
    FROM page_view_rollups_local FINAL
    WHERE toDate(start) >= toDate({day_from:UInt16}) AND toDate(start) <= toDate({day_to:UInt16})
      AND ({website:String} = '' OR website_id = {website:String}) AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
)
