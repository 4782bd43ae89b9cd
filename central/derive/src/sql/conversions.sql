-- Which of the sessions that have ended reached which goals: by a page or an event that is like this (what is like it was found before), by
-- lasting so long, or by so many pages. A goal counts for sessions that began before it was retired.
INSERT INTO conversions_local (
    website_id, goal_id, session_id, user_id, session_start, reached_at, times, revenue, is_bot, sample_rate, version, is_deleted)
WITH
    goals AS (
        SELECT goal.1 AS website_id, goal.2 AS goal_id, goal.3 AS kind, goal.4 AS number, goal.5 AS valid_to
        FROM (SELECT arrayJoin({goals:Array(Tuple(String, String, UInt8, Float64, Int64))}) AS goal)
    ),
    reached AS (
        SELECT hit.1 AS website_id, hit.2 AS kind, hit.3 AS value, groupArray(hit.4) AS goal_ids
        FROM (SELECT arrayJoin({reached:Array(Tuple(String, UInt8, String, String))}) AS hit)
        GROUP BY website_id, kind, value
    ),
    session AS (
        SELECT
            p.website_id AS website_id,
            p.part_id AS part_id,
            p.is_bot AS is_bot,
            p.first AS first,
            p.last AS last,
            argMin((e.user_id, e.sample_rate), e.place) AS first_event,
            sum(ifNull(e.transaction_revenue, 0)) AS revenue,
            arraySort(groupArrayIf(e.server_timestamp, e.event_type = 'pageview')) AS views,
            groupArrayIf((r.goal_ids, e.server_timestamp), notEmpty(r.goal_ids)) AS hits
        FROM (
    SELECT event_type, page_path, user_id, engagement_ms, transaction_revenue, sample_rate, event_action, website_id, session_id, is_bot, server_timestamp, (server_timestamp, log_offset, log_index) AS place
    FROM events_local
    WHERE server_timestamp >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND server_timestamp <= fromUnixTimestamp64Milli({idle_to:Int64}, 'UTC') AND is_duplicate = 0
      AND (log_incarnation != {incarnation:UUID} OR log_offset < {to:UInt64})
      AND (website_id, session_id, is_bot) IN (SELECT website_id, session_id, is_bot FROM derivation_sessions WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1)
) AS e
        INNER JOIN (
    SELECT website_id, session_id, is_bot, part_id, first, last
    FROM derivation_sessions
    WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND state = 1
) AS p ON e.website_id = p.website_id AND e.session_id = p.session_id AND e.is_bot = p.is_bot
        LEFT JOIN reached AS r ON r.website_id = e.website_id
            AND r.kind = if(e.event_type = 'pageview', 0, if(e.event_type = 'engagement', 9, 1))
            AND r.value = if(e.event_type = 'pageview', e.page_path, e.event_action)
        WHERE e.server_timestamp >= p.first AND e.server_timestamp <= p.last AND e.website_id IN {websites:Array(String)}
        GROUP BY p.website_id, p.part_id, p.is_bot, p.first, p.last
    )
SELECT
    s.website_id, g.goal_id, s.part_id, s.first_event.1, toDateTime(s.first, 'UTC'),
    multiIf(
        g.kind < 2, arrayMin(times_of),
        g.kind = 2, s.first + toIntervalMillisecond(toInt64(round(g.number * 1000))),
        s.views[toUInt32(ceil(g.number))]) AS reached_at,
    if(g.kind < 2, length(times_of), 1),
    s.revenue, s.is_bot, s.first_event.2, {version:UInt64}, 0
FROM session AS s
INNER JOIN goals AS g ON s.website_id = g.website_id
WHERE toUnixTimestamp64Milli(s.first) < g.valid_to
  AND multiIf(
        g.kind < 2, notEmpty(arrayMap(hit -> hit.2, arrayFilter(hit -> has(hit.1, g.goal_id), s.hits)) AS times_of),
        g.kind = 2, dateDiff('millisecond', s.first, s.last) >= round(g.number * 1000),
        length(s.views) >= g.number)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
