-- Which rows of a range of offsets are stored under one UTC day.
SELECT log_offset, log_index
FROM {table:Identifier}
WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32}
  AND log_offset BETWEEN {first:UInt64} AND {last:UInt64}
  AND toYYYYMMDD(server_timestamp) = toYYYYMMDD(toDate({day:UInt16}))
ORDER BY log_offset, log_index
