-- Rows of the step's cells that it has not written: no event is like them any more.
INSERT INTO page_views_hourly_local (website_id, page_path, hour, country, device_type, is_bot, version, is_deleted)
SELECT website_id, page_path, hour, country, device_type, is_bot, {version:UInt64}, 1
FROM page_views_hourly_local FINAL
WHERE version < {version:UInt64} AND hour >= toDateTime(fromUnixTimestamp64Milli({first_hour:Int64}, 'UTC'), 'UTC') AND hour <= toDateTime(fromUnixTimestamp64Milli({last_hour:Int64}, 'UTC'), 'UTC')
  AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND (website_id, hour) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 1)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
