-- What is to be computed again, the oldest request first; days are counted from 1970.
SELECT
    toString(request_id), toString(reason), toUInt16(day_from), toUInt16(day_to), website_id, toUInt16(done_from),
    toUnixTimestamp64Milli(requested_at)
FROM derivation_requests_local FINAL
WHERE log_partition = {partition:UInt32} AND state = 'pending'
ORDER BY reason != 'events', requested_at, request_id
LIMIT 1
