-- The newest request about the goals and dimensions of each website; one that another replaced in vain counts for nothing.
SELECT website_id, argMax(if(state = 'pending' OR done_from <= day_from, toString(request_id), ''), version)
FROM derivation_requests_local FINAL
WHERE log_partition = {partition:UInt32} AND reason = 'goals'
GROUP BY website_id
