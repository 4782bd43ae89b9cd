-- Websites' hours that are to be computed: those that have become whole, and whole ones that the log's next stretch has events of; where they
-- are computed again, whatever has rows as well.
INSERT INTO derivation_cells (log_partition, version, website_id, span, start)
SELECT DISTINCT {partition:UInt32}, {version:UInt64}, website_id, 1, toStartOfHour(server_timestamp)
FROM (
    SELECT website_id, server_timestamp
    FROM events_local
    WHERE server_timestamp >= fromUnixTimestamp64Milli({hours_from:Int64}, 'UTC') AND server_timestamp < fromUnixTimestamp64Milli({hours_to:Int64}, 'UTC')
      AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64}) AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
    UNION ALL
    SELECT website_id, server_timestamp
    FROM events_local
    WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32}
      AND log_offset >= {from:UInt64} AND log_offset < {to:UInt64}
      AND server_timestamp >= fromUnixTimestamp64Milli({whole_from:Int64}, 'UTC') AND server_timestamp < fromUnixTimestamp64Milli({whole_to:Int64}, 'UTC')
    UNION ALL
    SELECT website_id, toDateTime64(hour, 3, 'UTC')
    FROM hourly_summary_local FINAL
    WHERE {again:UInt8} AND hour >= fromUnixTimestamp64Milli({hours_from:Int64}, 'UTC') AND hour < fromUnixTimestamp64Milli({hours_to:Int64}, 'UTC') AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
    UNION ALL
    SELECT website_id, toDateTime64(hour, 3, 'UTC')
    FROM page_views_hourly_local FINAL
    WHERE {again:UInt8} AND hour >= fromUnixTimestamp64Milli({hours_from:Int64}, 'UTC') AND hour < fromUnixTimestamp64Milli({hours_to:Int64}, 'UTC') AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
    UNION ALL
    SELECT website_id, toDateTime64(start, 3, 'UTC')
    FROM page_view_rollups_local FINAL
    WHERE {again:UInt8} AND span = 1 AND start >= fromUnixTimestamp64Milli({hours_from:Int64}, 'UTC') AND start < fromUnixTimestamp64Milli({hours_to:Int64}, 'UTC') AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
)
