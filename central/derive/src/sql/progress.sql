-- How far the partition is.
SELECT
    log_offset,
    toUnixTimestamp64Milli(whole_from), toUnixTimestamp64Milli(whole_to),
    toUnixTimestamp64Milli(sessions_from), toUnixTimestamp64Milli(sessions_to),
    toUnixTimestamp64Milli(past_from), toUnixTimestamp64Milli(visits_from), token, version
FROM derivation_progress_local FINAL
WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32}
