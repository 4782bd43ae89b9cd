-- When the first event of the partition's websites was received.
SELECT toUnixTimestamp64Milli(min(server_timestamp)), count()
FROM events_local
WHERE cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
