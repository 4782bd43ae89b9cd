-- Conversions of the step's sessions that it has not written.
INSERT INTO conversions_local (
    website_id, goal_id, session_id, user_id, session_start, reached_at, times, revenue, is_bot, sample_rate, version, is_deleted)
SELECT
    website_id, goal_id, session_id, user_id, session_start, reached_at, times, revenue, is_bot, sample_rate, {version:UInt64}, 1
FROM (
    SELECT *, splitByChar('~', session_id)[1] AS whole_id
    FROM conversions_local FINAL
    WHERE session_start >= toDateTime(fromUnixTimestamp64Milli({since:Int64}, 'UTC'), 'UTC')
      AND website_id IN (SELECT website_id FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64})
) AS s
INNER JOIN (
    SELECT website_id AS step_website, session_id AS step_session, is_bot AS step_bot, min(first) AS step_since
    FROM derivation_sessions
    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state < 2
    GROUP BY step_website, step_session, step_bot
) AS t ON s.website_id = t.step_website AND s.whole_id = t.step_session AND s.is_bot = t.step_bot
WHERE s.version < {version:UInt64} AND s.session_start >= toDateTime(t.step_since, 'UTC')
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
