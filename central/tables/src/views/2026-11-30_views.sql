-- The seed's names for aggregates: page_views_hourly_mv, traffic_sources_daily_mv and daily_summary_mv, views with the seed's columns, without
-- bots. Whole hours and days come from the tables that are computed of the events, the rest from the events themselves. On a cluster each
-- shard answers for its websites, and all of them together.

-- How far the partitions of the log in use are.
CREATE OR REPLACE VIEW derivation_state_local{{on_cluster}} AS
SELECT log_incarnation, log_partition, partitions, log_offset, whole_from, whole_to, sessions_from, sessions_to
FROM derivation_progress_local FINAL
WHERE log_incarnation = (SELECT argMax(log_incarnation, version) FROM derivation_progress_local);

-- Websites' hours with events that the tables do not have yet.
CREATE OR REPLACE VIEW derivation_dirty_local{{on_cluster}} AS
SELECT DISTINCT e.website_id AS website_id, toStartOfHour(e.server_timestamp) AS hour
FROM events_local AS e
INNER JOIN derivation_state_local AS s ON e.log_incarnation = s.log_incarnation AND e.log_partition = s.log_partition
WHERE e.log_offset >= (SELECT min(log_offset) FROM derivation_state_local) AND e.log_offset >= s.log_offset;

-- Whether an hour of a website is to be read from the tables: of each partition, what is whole; of its websites, what is not dirty.
CREATE OR REPLACE VIEW derivation_websites_local{{on_cluster}} AS
SELECT w.website_id AS website_id, s.whole_from AS whole_from, s.whole_to AS whole_to
FROM (SELECT DISTINCT website_id FROM hourly_summary_local) AS w
INNER JOIN derivation_state_local AS s ON cityHash64(w.website_id) % (SELECT greatest(max(partitions), 1) FROM derivation_state_local) = s.log_partition::UInt64;

CREATE OR REPLACE VIEW hourly_page_views_local{{on_cluster}} AS
WITH (SELECT groupArray((day_from, day_to, website_id)) FROM derivation_requests_local FINAL WHERE reason = 'events' AND state != 'done') AS doubts
SELECT
    website_id,
    page_path,
    hour,
    country,
    device_type,
    toUInt64(round(sum(views))) AS pageviews,
    uniqExactMerge(users) AS unique_users,
    uniqExactMerge(visits) AS sessions,
    if(sum(views) = 0, NULL, sum(engaged) / sum(views) / 1000) AS avg_time_on_page,
    toUInt64(round(sum(bounced))) AS bounces
FROM
(
    SELECT
        t.website_id AS website_id, t.page_path AS page_path, t.hour AS hour, t.country AS country, t.device_type AS device_type,
        t.pageviews AS views, t.users AS users, t.sessions AS visits, t.engagement_ms AS engaged, 0. AS bounced
    FROM page_views_hourly_local AS t FINAL
    INNER JOIN derivation_websites_local AS w ON t.website_id = w.website_id
    WHERE t.is_bot = 0 AND t.hour >= w.whole_from AND t.hour < w.whole_to
      AND (t.website_id, t.hour) NOT IN (SELECT website_id, hour FROM derivation_dirty_local)
      AND NOT arrayExists(d -> toDate(t.hour) BETWEEN d.1 AND d.2 AND d.3 IN ('', t.website_id), doubts)
    UNION ALL
    SELECT
        e.website_id, e.page_path, toStartOfHour(e.server_timestamp) AS hour, e.country, e.device_type,
        sumIf(1 / e.sample_rate, e.event_type = 'pageview'),
        uniqExactStateIf(sipHash64(e.user_id), e.event_type = 'pageview'),
        uniqExactStateIf(sipHash64(e.session_id), e.event_type = 'pageview'),
        sum(e.engagement_ms / e.sample_rate),
        0.
    FROM events_local AS e
    LEFT JOIN derivation_websites_local AS w ON e.website_id = w.website_id
    WHERE e.is_duplicate = 0 AND e.is_bot = 0 AND (e.event_type = 'pageview' OR e.engagement_ms > 0)
      AND (
        w.website_id = '' OR e.server_timestamp < w.whole_from OR e.server_timestamp >= w.whole_to
        OR (e.website_id, toStartOfHour(e.server_timestamp)) IN (SELECT website_id, hour FROM derivation_dirty_local)
        OR arrayExists(d -> toDate(e.server_timestamp) BETWEEN d.1 AND d.2 AND d.3 IN ('', e.website_id), doubts)
      )
    GROUP BY e.website_id, e.page_path, hour, e.country, e.device_type
    UNION ALL
    SELECT
        website_id, landing_page, toStartOfHour(landed_at), country, device_type, 0., uniqExactStateIf(0::UInt64, 0),
        uniqExactStateIf(0::UInt64, 0), 0., sum(is_bounce / sample_rate)
    FROM sessions_local FINAL
    WHERE is_bot = 0 AND is_bounce = 1
    GROUP BY website_id, landing_page, toStartOfHour(landed_at), country, device_type
)
GROUP BY website_id, page_path, hour, country, device_type;

{{cluster_only}}CREATE TABLE IF NOT EXISTS hourly_page_views_distributed{{on_cluster}} AS hourly_page_views_local
ENGINE = {{distributed:hourly_page_views_local}};

CREATE OR REPLACE VIEW page_views_hourly_mv{{on_cluster}} AS SELECT * FROM {{hourly_page_views}};

CREATE OR REPLACE VIEW daily_websites_local{{on_cluster}} AS
WITH (SELECT groupArray((day_from, day_to, website_id)) FROM derivation_requests_local FINAL WHERE reason = 'events' AND state != 'done') AS doubts
SELECT
    website_id,
    date,
    toUInt64(round(sum(counted))) AS events,
    uniqExactMerge(visitors) AS users,
    uniqExactMerge(visits) AS sessions
FROM
(
    SELECT t.website_id AS website_id, t.date AS date, t.events AS counted, t.users AS visitors, t.sessions AS visits
    FROM daily_summary_local AS t FINAL
    INNER JOIN derivation_websites_local AS w ON t.website_id = w.website_id
    WHERE t.is_bot = 0 AND toDateTime(t.date, 'UTC') >= w.whole_from AND toDateTime(t.date, 'UTC') + INTERVAL 24 HOUR <= w.whole_to
      AND (t.website_id, t.date) NOT IN (SELECT website_id, toDate(hour) FROM derivation_dirty_local)
      AND NOT arrayExists(d -> t.date BETWEEN d.1 AND d.2 AND d.3 IN ('', t.website_id), doubts)
    UNION ALL
    SELECT
        e.website_id, toDate(e.server_timestamp) AS date, sum(1 / e.sample_rate), uniqExactState(sipHash64(e.user_id)),
        uniqExactState(sipHash64(e.session_id))
    FROM events_local AS e
    LEFT JOIN derivation_websites_local AS w ON e.website_id = w.website_id
    WHERE e.is_duplicate = 0 AND e.is_bot = 0
      AND (
        w.website_id = '' OR toStartOfDay(e.server_timestamp) < w.whole_from
        OR toStartOfDay(e.server_timestamp) + INTERVAL 24 HOUR > w.whole_to
        OR (e.website_id, toDate(e.server_timestamp)) IN (SELECT website_id, toDate(hour) FROM derivation_dirty_local)
        OR arrayExists(d -> toDate(e.server_timestamp) BETWEEN d.1 AND d.2 AND d.3 IN ('', e.website_id), doubts)
      )
    GROUP BY e.website_id, date
)
GROUP BY website_id, date;

{{cluster_only}}CREATE TABLE IF NOT EXISTS daily_websites_distributed{{on_cluster}} AS daily_websites_local
ENGINE = {{distributed:daily_websites_local}};

CREATE OR REPLACE VIEW daily_summary_mv{{on_cluster}} AS SELECT * FROM {{daily_websites}};

CREATE OR REPLACE VIEW daily_sources_local{{on_cluster}} AS
SELECT
    website_id,
    date,
    traffic_source,
    traffic_medium,
    traffic_campaign,
    source_name,
    toUInt64(round(sum(visits))) AS sessions,
    uniqExactMerge(visitors) AS users,
    toUInt64(round(sum(views))) AS pageviews,
    sum(earned) AS revenue,
    toUInt64(round(sum(bought))) AS transactions,
    sum(lasted) / sum(visits) AS avg_session_duration,
    sum(bounced) / sum(visits) AS bounce_rate
FROM
(
    SELECT
        t.website_id AS website_id, t.date AS date, t.traffic_source AS traffic_source, t.traffic_medium AS traffic_medium,
        t.traffic_campaign AS traffic_campaign, t.source_name AS source_name, t.sessions AS visits, t.users AS visitors,
        t.pageviews AS views, t.revenue AS earned, t.transactions AS bought, t.duration AS lasted, t.bounces AS bounced
    FROM traffic_sources_daily_local AS t FINAL
    INNER JOIN derivation_websites_local AS w ON t.website_id = w.website_id
    WHERE t.is_bot = 0 AND toDateTime(t.date, 'UTC') >= w.whole_from AND toDateTime(t.date, 'UTC') + INTERVAL 24 HOUR <= w.whole_to
    UNION ALL
    SELECT
        s.website_id, toDate(s.session_start) AS date, s.traffic_source, s.traffic_medium, s.traffic_campaign, s.source_name,
        sum(1 / s.sample_rate), uniqExactState(sipHash64(s.user_id)), sum(s.pageviews / s.sample_rate), sum(s.revenue / s.sample_rate),
        sum(s.transactions / s.sample_rate), sum(s.session_duration / s.sample_rate), sum(s.is_bounce / s.sample_rate)
    FROM sessions_local AS s FINAL
    LEFT JOIN derivation_websites_local AS w ON s.website_id = w.website_id
    WHERE s.is_bot = 0
      AND (
        w.website_id = '' OR toStartOfDay(s.session_start) < w.whole_from
        OR toStartOfDay(s.session_start) + INTERVAL 24 HOUR > w.whole_to
      )
    GROUP BY s.website_id, date, s.traffic_source, s.traffic_medium, s.traffic_campaign, s.source_name
)
GROUP BY website_id, date, traffic_source, traffic_medium, traffic_campaign, source_name;

{{cluster_only}}CREATE TABLE IF NOT EXISTS daily_sources_distributed{{on_cluster}} AS daily_sources_local
ENGINE = {{distributed:daily_sources_local}};

CREATE OR REPLACE VIEW traffic_sources_daily_mv{{on_cluster}} AS SELECT * FROM {{daily_sources}};
