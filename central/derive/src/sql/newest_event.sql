-- When the last event of the partition's websites was received.
SELECT toUnixTimestamp64Milli(max(server_timestamp)), count()
FROM events_local
WHERE server_timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
