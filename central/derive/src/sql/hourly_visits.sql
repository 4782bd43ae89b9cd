-- What the sessions that began on those days come to, by the hour in which they began, and their bounces by the hour of the page view.
INSERT INTO hourly_visits_local (
    website_id, hour, is_bot, visits, bounced, duration, pageviews, conversions, revenue, bounces, version, is_deleted)
SELECT
    website_id,
    moment.1 AS hour,
    is_bot,
    sum(moment.2),
    sum(moment.3),
    sum(moment.4),
    sum(moment.5),
    sum(moment.6),
    sum(moment.7),
    sum(moment.8),
    {version:UInt64},
    0
FROM (
    SELECT
        website_id,
        is_bot,
        (toStartOfHour(session_start), 1 / sample_rate, is_bounce / sample_rate, session_duration / sample_rate, s.pageviews / sample_rate,
            is_conversion / sample_rate, s.revenue / sample_rate, 0.) AS begun,
        (toStartOfHour(landed_at), 0., 0., 0., 0., 0., 0., is_bounce / sample_rate) AS landed,
        arrayJoin(if(is_bounce = 1, [begun, landed], [begun])) AS moment
    FROM sessions_local AS s FINAL
    WHERE session_start >= toDateTime(fromUnixTimestamp64Milli({first_day:Int64}, 'UTC'), 'UTC') - INTERVAL 24 HOUR AND session_start < toDateTime(fromUnixTimestamp64Milli({last_day:Int64}, 'UTC'), 'UTC') + INTERVAL 24 HOUR
      AND website_id IN (SELECT website_id FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
)
WHERE (website_id, toStartOfDay(hour)) IN (SELECT website_id, start FROM derivation_cells WHERE log_partition = {partition:UInt32} AND version = {version:UInt64} AND span = 24)
  AND {token:UInt64} >= (SELECT max(token) FROM derivation_progress_local WHERE log_incarnation = {incarnation:UUID} AND log_partition = {partition:UInt32})
GROUP BY website_id, hour, is_bot
