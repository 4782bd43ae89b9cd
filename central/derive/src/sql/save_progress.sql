-- How far the partition is now.
INSERT INTO derivation_progress_local (
    log_incarnation, log_partition, partitions, log_offset, whole_from, whole_to, sessions_from, sessions_to, past_from, visits_from, token, version)
SELECT
    {incarnation:UUID}, {partition:UInt32}, {partitions:UInt32}, {log_offset:UInt64},
    fromUnixTimestamp64Milli({whole_from:Int64}, 'UTC'), fromUnixTimestamp64Milli({whole_to:Int64}, 'UTC'), fromUnixTimestamp64Milli({sessions_from:Int64}, 'UTC'), fromUnixTimestamp64Milli({sessions_to:Int64}, 'UTC'), fromUnixTimestamp64Milli({past_from:Int64}, 'UTC'), fromUnixTimestamp64Milli({visits_from:Int64}, 'UTC'),
    {token:UInt64}, {version:UInt64}
WHERE {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
