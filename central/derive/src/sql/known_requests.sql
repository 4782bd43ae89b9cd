-- Which requests about goals there were.
SELECT toString(request_id)
FROM derivation_requests_local FINAL
WHERE log_partition = {partition:UInt32} AND reason = 'goals'
