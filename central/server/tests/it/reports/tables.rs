//! Fills the derived tables from the stored events, as plainly as can be: what reports read, without what computes it in central.

use clickhouse::Client;

/// How far the tables are: all events with an offset below 1, up to a whole hour.
const PROGRESS: &str = "
INSERT INTO derivation_progress_local (log_partition, partitions, log_offset, whole_from, whole_to, sessions_from, sessions_to, visits_from, version)
SELECT 0, 1, 1, fromUnixTimestamp64Milli({whole_from:Int64}), fromUnixTimestamp64Milli({whole_to:Int64}),
    fromUnixTimestamp64Milli({whole_from:Int64}), fromUnixTimestamp64Milli({whole_to:Int64}), fromUnixTimestamp64Milli({whole_from:Int64}), 1";

const VISITS: &str = "
INSERT INTO hourly_visits_local
SELECT website_id, toStartOfHour(at) AS hour, is_bot, sum(began / sample_rate), sum(began * is_bounce / sample_rate),
    sum(began * session_duration / sample_rate), sum(began * pageviews / sample_rate), sum(began * is_conversion / sample_rate),
    sum(began * revenue / sample_rate), sum((1 - began) * is_bounce / sample_rate), 1, 0
FROM (
    SELECT *, session_start AS at, 1 AS began FROM sessions_local FINAL
    UNION ALL
    SELECT *, landed_at AS at, 0 AS began FROM sessions_local FINAL
)
WHERE at < toStartOfDay(fromUnixTimestamp64Milli({whole_to:Int64})) AND at >= toStartOfDay(fromUnixTimestamp64Milli({whole_from:Int64}))
GROUP BY website_id, hour, is_bot";

const HOURS: &str = "
INSERT INTO hourly_summary_local
SELECT website_id, toStartOfHour(server_timestamp) AS hour, is_bot, sum(1 / sample_rate), sumIf(1 / sample_rate, event_type = 'pageview'),
    sum(engagement_ms / sample_rate), uniqExactState(sipHash64(user_id)), uniqExactState(sipHash64(session_id)), 1, 0
FROM events_local
WHERE is_duplicate = 0 AND log_offset < 1
  AND server_timestamp >= fromUnixTimestamp64Milli({whole_from:Int64}) AND server_timestamp < fromUnixTimestamp64Milli({whole_to:Int64})
GROUP BY website_id, hour, is_bot";

const DAYS: &str = "
INSERT INTO daily_summary_local
SELECT website_id, toDate(hour) AS date, is_bot, sum(events), sum(pageviews), sum(engagement_ms), uniqExactMergeState(users),
    uniqExactMergeState(sessions), 1, 0
FROM hourly_summary_local FINAL
WHERE hour < toStartOfDay(fromUnixTimestamp64Milli({whole_to:Int64})) AND {whole_from:Int64} >= 0
GROUP BY website_id, date, is_bot";

const LISTS_OF_HOURS: &str = "
INSERT INTO page_view_rollups_local
SELECT website_id, entry.1 AS dimension, 1, toStartOfHour(server_timestamp) AS start, entry.2 AS value, is_bot, sum(1 / sample_rate),
    uniqExactState(sipHash64(user_id)), 1, 0
FROM events_local
ARRAY JOIN [('page', page_path), ('source', source_name), ('channel', toString(traffic_source)), ('country', toString(country)),
    ('device', toString(device_type)), ('browser', toString(browser))] AS entry
WHERE event_type = 'pageview' AND is_duplicate = 0 AND log_offset < 1
  AND server_timestamp >= fromUnixTimestamp64Milli({whole_from:Int64}) AND server_timestamp < fromUnixTimestamp64Milli({whole_to:Int64})
GROUP BY website_id, dimension, start, value, is_bot";

const LISTS_OF_DAYS: &str = "
INSERT INTO page_view_rollups_local
SELECT website_id, dimension, 24, toStartOfDay(hour) AS start, value, is_bot, sum(pageviews), uniqExactMergeState(users), 1, 0
FROM (SELECT * EXCEPT (start), start AS hour FROM page_view_rollups_local FINAL WHERE span = 1)
WHERE hour < toStartOfDay(fromUnixTimestamp64Milli({whole_to:Int64})) AND {whole_from:Int64} >= 0
GROUP BY website_id, dimension, start, value, is_bot";

/// Says that all events up to a whole hour are in the tables, and fills those of events. Milliseconds since 1970.
pub(crate) async fn fill(client: &Client, whole_from: i64, whole_to: i64) {
    for sql in [HOURS, DAYS, LISTS_OF_HOURS, LISTS_OF_DAYS, VISITS, PROGRESS] {
        let query = client.query(sql).param("whole_from", whole_from).param("whole_to", whole_to);
        query.execute().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}
