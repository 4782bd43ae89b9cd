-- The highest offset of the log at or beyond {from} that is stored; no row when none is.
SELECT log_offset
FROM {table:Identifier}
WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32} AND log_offset >= {from:UInt64}
ORDER BY log_offset DESC
LIMIT 1
