-- How far a request is.
INSERT INTO derivation_requests_local (
    request_id, log_partition, reason, day_from, day_to, website_id, requested_at, done_from, state, version)
SELECT
    {request:UUID}, {partition:UInt32}, {reason:String}, toDate({day_from:UInt16}), toDate({day_to:UInt16}), {website:String},
    fromUnixTimestamp64Milli({requested_at:Int64}, 'UTC'), toDate({done_from:UInt16}), {state:String}, {version:UInt64}
