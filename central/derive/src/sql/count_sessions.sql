-- How many sessions the step works on: in all, that have ended, that may have to be cut; when the first of them began, and when the last one
-- that has ended did.
SELECT
    count(), countIf(state = 1), countIf(state = 2), toUnixTimestamp64Milli(min(first)), toUnixTimestamp64Milli(maxIf(last, state = 1))
FROM derivation_sessions
WHERE log_partition = {partition:UInt32} AND version = {version:UInt64}
