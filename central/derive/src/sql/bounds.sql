-- What the log's next stretch has: events, and the first and last time of them.
SELECT count(), toUnixTimestamp64Milli(min(server_timestamp)), toUnixTimestamp64Milli(max(server_timestamp))
FROM events_local
WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32}
  AND log_offset >= {from:UInt64} AND log_offset < {to:UInt64}
