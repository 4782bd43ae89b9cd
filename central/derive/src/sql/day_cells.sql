-- Websites' days that are to be computed: those that have become whole, and whole ones that those hours or the step's sessions belong to.
INSERT INTO derivation_cells (log_partition, version, website_id, span, start)
SELECT DISTINCT {partition:UInt32}, {version:UInt64}, website_id, 24, day
FROM (
    SELECT website_id, toStartOfDay(start) AS day
    FROM derivation_cells
    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1
    UNION ALL
    SELECT website_id, toStartOfDay(session_start)
    FROM sessions_local
    WHERE version = {version:UInt64} AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
    UNION ALL
    -- A bounce's page was viewed between the begin and the end of its session.
    SELECT website_id, toStartOfDay(session_end)
    FROM sessions_local
    WHERE version = {version:UInt64} AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
    UNION ALL
    SELECT website_id, toStartOfDay(hour)
    FROM hourly_summary_local
    WHERE hour >= fromUnixTimestamp64Milli({days_from:Int64}, 'UTC') AND hour < fromUnixTimestamp64Milli({days_to:Int64}, 'UTC') AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
    UNION ALL
    SELECT website_id, toStartOfDay(session_start)
    FROM sessions_local
    WHERE session_start >= toDateTime(fromUnixTimestamp64Milli({days_from:Int64}, 'UTC'), 'UTC') AND session_start < toDateTime(fromUnixTimestamp64Milli({days_to:Int64}, 'UTC'), 'UTC') AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
)
WHERE day >= fromUnixTimestamp64Milli({whole_days_from:Int64}, 'UTC') AND day < fromUnixTimestamp64Milli({whole_days_to:Int64}, 'UTC')
