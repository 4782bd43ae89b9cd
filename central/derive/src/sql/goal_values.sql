-- What goals compare: the paths and actions of the sessions that have ended, on websites that have such goals. Page views are kind 0.
SELECT DISTINCT website_id, if(event_type = 'pageview', 0, 1)::UInt8 AS kind, if(event_type = 'pageview', page_path, event_action) AS value
FROM events_local
WHERE server_timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({idle_to:Int64}, 'UTC') AND is_duplicate = 0
  AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
  AND website_id IN {websites:Array(String)} AND event_type != 'engagement'
  AND (website_id, session_id, is_bot) IN (SELECT website_id, session_id, is_bot FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1)
