-- Rows of the step's cells that it has not written: no session is like them any more.
INSERT INTO hourly_visits_local (website_id, hour, is_bot, version, is_deleted)
SELECT website_id, hour, is_bot, {version:UInt64}, 1
FROM hourly_visits_local FINAL
WHERE version < {version:UInt64} AND hour >= toDateTime(fromUnixTimestamp64Milli({first_day:Int64}, 'UTC'), 'UTC') AND hour < toDateTime(fromUnixTimestamp64Milli({last_day:Int64}, 'UTC'), 'UTC') + INTERVAL 24 HOUR
  AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
  AND (website_id, toStartOfDay(hour)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
