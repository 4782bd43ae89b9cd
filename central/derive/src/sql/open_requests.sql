-- Which partitions a request is not done in, and from which day on it is done there.
SELECT log_partition, toUInt16(done_from)
FROM derivation_requests_local FINAL
WHERE request_id = {request:UUID} AND state = 'pending'
