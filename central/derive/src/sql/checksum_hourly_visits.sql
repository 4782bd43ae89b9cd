-- Visits by hour of some days: how many rows, and a number that says whether they are the same ones.
SELECT count(), sum(cityHash64(*))
FROM (
    SELECT * EXCEPT (version, is_deleted) REPLACE (round(visits, 6) AS visits, round(bounced, 6) AS bounced, round(duration, 6) AS duration, round(pageviews, 6) AS pageviews, round(conversions, 6) AS conversions, round(revenue, 6) AS revenue, round(bounces, 6) AS bounces)
    FROM hourly_visits_local FINAL
    WHERE toDate(hour) >= toDate({day_from:UInt16}) AND toDate(hour) <= toDate({day_to:UInt16})
      AND ({website:String} = '' OR website_id = {website:String}) AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
)
