-- The sessions that may have to be cut.
SELECT website_id, session_id, is_bot
FROM derivation_sessions
WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 2
