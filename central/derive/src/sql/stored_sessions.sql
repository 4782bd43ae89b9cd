-- Sessions that are stored with their end between two times: what of them is not written again is to go.
INSERT INTO derivation_sessions (log_partition, version, website_id, session_id, is_bot, part_id, first, last, state)
SELECT {partition:UInt32}, {version:UInt64}, website_id, splitByChar('~', session_id)[1] AS whole_id, is_bot, '', session_start, session_end, 0
FROM sessions_local FINAL
WHERE session_end > toDateTime(fromUnixTimestamp64Milli({window_from:Int64}, 'UTC'), 'UTC') AND session_end <= toDateTime(fromUnixTimestamp64Milli({window_to:Int64}, 'UTC'), 'UTC')
  AND cityHash64(website_id) % {partitions:UInt32} = {partition:UInt32} AND ({website:String} = '' OR website_id = {website:String})
  AND session_start >= toStartOfDay((SELECT min(server_timestamp) FROM events_local))
