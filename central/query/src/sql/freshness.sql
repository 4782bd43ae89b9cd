-- How far the tables derived of a website's events are, and which of their hours and days are not to be believed: hours with events that are
-- not accounted for, and days whose events are being changed.
WITH
    (
        SELECT (
            count(),
            argMax(
                (log_incarnation, log_partition, log_offset, whole_from, whole_to,
                    toUnixTimestamp64Milli(sessions_from), toUnixTimestamp64Milli(sessions_to), toUnixTimestamp64Milli(visits_from)),
                version))
        FROM derivation_progress_local
        WHERE cityHash64({website:String}) % partitions = log_partition
    ) AS found,
    found.2 AS progress
SELECT
    ifNull(found.1, 0) > 0 AS known,
    toUnixTimestamp64Milli(progress.4) AS whole_from,
    toUnixTimestamp64Milli(progress.5) AS whole_to,
    progress.6 AS sessions_from,
    progress.7 AS sessions_to,
    progress.8 AS visits_from,
    (
        SELECT groupUniqArray(toUnixTimestamp(toStartOfHour(server_timestamp)) * 1000::Int64)
        FROM events_local
        WHERE website_id = {website:String} AND is_duplicate = 0
          AND log_incarnation = progress.1 AND log_partition = progress.2 AND log_offset >= progress.3
          AND server_timestamp >= progress.4 AND server_timestamp < progress.5
    ) AS late_hours,
    (
        SELECT groupArray((toInt64(day_from) * 86400000, toInt64(day_to) * 86400000))
        FROM derivation_requests_local FINAL
        WHERE reason = 'events' AND state != 'done' AND website_id IN ('', {website:String})
    ) AS changed_days
