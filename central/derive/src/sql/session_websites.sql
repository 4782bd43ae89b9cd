-- The websites of the sessions that have ended.
SELECT DISTINCT website_id
FROM derivation_sessions
WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1
