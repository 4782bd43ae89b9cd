-- When a session had events, all of them.
SELECT DISTINCT toUnixTimestamp64Milli(server_timestamp) AS time
FROM events_local
WHERE website_id = {website:String} AND session_id = {session:String} AND is_bot = {is_bot:UInt8} AND is_duplicate = 0
  AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
ORDER BY time
