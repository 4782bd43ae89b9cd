-- How many sessions the step works on: in all, that have ended, that may have to be cut; and when the first of them began.
SELECT count(), countIf(state = 1), countIf(state = 2), toUnixTimestamp64Milli(min(first))
FROM derivation_sessions
WHERE log_partition = {partition:UInt32} AND version = {version:UInt64}
