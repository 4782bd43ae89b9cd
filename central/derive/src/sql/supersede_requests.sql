-- A website's goals or dimensions have changed again: what was asked for before is done with what is asked for now.
INSERT INTO derivation_requests_local (
    request_id, log_partition, reason, day_from, day_to, website_id, requested_at, done_from, state, version)
SELECT request_id, log_partition, reason, day_from, day_to, website_id, requested_at, done_from, 'done', {version:UInt64}
FROM derivation_requests_local FINAL
WHERE log_partition = {partition:UInt32} AND reason = 'goals' AND website_id = {website:String} AND state = 'pending'
