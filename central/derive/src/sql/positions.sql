-- How far the partitions of the log in use are.
SELECT log_partition, log_offset, toUnixTimestamp64Milli(whole_to), toUnixTimestamp64Milli(sessions_to)
FROM derivation_state_local
WHERE log_partition = {partition:UInt32}
