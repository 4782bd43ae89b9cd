-- The websites of the events of the log's next stretch.
SELECT DISTINCT website_id
FROM events_local
WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32}
  AND log_offset >= {from:UInt64} AND log_offset < {to:UInt64} AND server_timestamp >= fromUnixTimestamp64Milli({touched_from:Int64}, 'UTC')
