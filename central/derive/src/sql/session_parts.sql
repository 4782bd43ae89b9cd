-- The parts of a session that was cut: names, first and last events, and whether they have ended.
INSERT INTO derivation_sessions (log_partition, version, website_id, session_id, is_bot, part_id, first, last, state)
SELECT
    {partition:UInt32}, {version:UInt64}, {website:String}, {session:String}, {is_bot:UInt8}, part.1,
    fromUnixTimestamp64Milli(part.2, 'UTC'), fromUnixTimestamp64Milli(part.3, 'UTC'), part.3 <= {idle_to:Int64}
FROM (SELECT arrayJoin({parts:Array(Tuple(String, Int64, Int64))}) AS part)
