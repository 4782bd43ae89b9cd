-- The days of a request that are not done yet, counted from 1970; of one that is done there are none.
SELECT toUInt16(day_from), toUInt16(day_to)
FROM derivation_requests_local FINAL
WHERE log_partition = {partition:UInt32} AND request_id = {request:UUID} AND state = 'pending'
