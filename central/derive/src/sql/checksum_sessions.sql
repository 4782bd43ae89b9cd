-- Sessions of some days: how many rows, and a number that says whether they are the same ones.
SELECT count(), sum(cityHash64(*))
FROM (
    SELECT * EXCEPT (version, is_deleted) REPLACE (round(revenue, 6) AS revenue)
    FROM sessions_local FINAL
    WHERE toDate(session_start) >= toDate({day_from:UInt16}) AND toDate(session_start) <= toDate({day_to:UInt16})
      AND ({website:String} = '' OR website_id = {website:String}) AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
)
