-- Whether there are events between two times, of sessions that may have ended by the second.
SELECT count()
FROM (
    SELECT 1
    FROM events_local
    WHERE server_timestamp > fromUnixTimestamp64Milli({window_from:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({window_to:Int64}, 'UTC')
      AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
      AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32}
    LIMIT 1
)
