-- The schema of a ClickHouse cluster named `analytics`, as central makes it by itself: to be read, or run beforehand.
-- Made from the migrations of central/tables by the test `the_file_for_people_is_the_schema` of that crate.

CREATE DATABASE IF NOT EXISTS footfall ON CLUSTER analytics;

CREATE TABLE IF NOT EXISTS schema_migrations ON CLUSTER analytics (version String, checksum String, applied_at DateTime('UTC')) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/schema_migrations', '{replica}') ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Raw events: one row for each event of the log, the seed's columns and what reports and exact inserts need beyond them.
-- What stands in double braces is filled in for one node or for a cluster.

CREATE TABLE IF NOT EXISTS events_local ON CLUSTER analytics
(
    -- Identifiers
    event_id UUID DEFAULT generateUUIDv4(),
    website_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),

    -- Event
    event_type LowCardinality(String),
    event_category LowCardinality(String),
    event_action String CODEC(ZSTD(1)),
    event_label String CODEC(ZSTD(1)),
    event_value Float64 CODEC(ZSTD(1)),

    -- Times, UTC: the client's clock, and the edge's when it received the event
    client_timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    server_timestamp DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),

    -- Page
    page_url String CODEC(ZSTD(1)),
    page_title String CODEC(ZSTD(1)),
    page_referrer String CODEC(ZSTD(1)),
    page_path String CODEC(ZSTD(1)),
    page_view_id UUID,

    -- Engagement: visible milliseconds since the last such event of the page view, deepest scroll position in percent
    engagement_ms UInt32 CODEC(ZSTD(1)),
    scroll_depth UInt8 CODEC(ZSTD(1)),

    -- Visitor: IPv4 addresses mapped into IPv6
    ip_address IPv6 CODEC(ZSTD(1)),
    user_agent String CODEC(ZSTD(1)),

    -- Geography
    country LowCardinality(String),
    region String CODEC(ZSTD(1)),
    city String CODEC(ZSTD(1)),
    latitude Float32 CODEC(ZSTD(1)),
    longitude Float32 CODEC(ZSTD(1)),

    -- Device
    device_type LowCardinality(String),
    device_brand String CODEC(ZSTD(1)),
    device_model String CODEC(ZSTD(1)),
    os LowCardinality(String),
    os_version String CODEC(ZSTD(1)),
    browser LowCardinality(String),
    browser_version String CODEC(ZSTD(1)),
    screen_resolution String CODEC(ZSTD(1)),

    -- Where the session came from, as far as the edge knew when it received the event: a class of the closed list of that
    -- version, who sent the visit, and what its first event named. Not known: class `other`, the others empty
    traffic_source LowCardinality(String),
    source_name String CODEC(ZSTD(1)),
    traffic_medium LowCardinality(String),
    traffic_campaign String CODEC(ZSTD(1)),
    traffic_keyword String CODEC(ZSTD(1)),
    traffic_content String CODEC(ZSTD(1)),
    source_known UInt8,
    traffic_source_version UInt32 CODEC(ZSTD(1)),

    -- E-commerce
    transaction_id Nullable(String) CODEC(ZSTD(1)),
    transaction_revenue Nullable(Float64) CODEC(ZSTD(1)),
    transaction_tax Nullable(Float64) CODEC(ZSTD(1)),
    transaction_shipping Nullable(Float64) CODEC(ZSTD(1)),
    product_sku Nullable(String) CODEC(ZSTD(1)),
    product_name Nullable(String) CODEC(ZSTD(1)),
    product_category Nullable(String) CODEC(ZSTD(1)),
    product_price Nullable(Float64) CODEC(ZSTD(1)),
    product_quantity Nullable(Int32) CODEC(ZSTD(1)),

    -- The site's own dimensions and metrics
    custom_dimension_1 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_2 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_3 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_4 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_5 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_6 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_7 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_8 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_9 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_10 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_11 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_12 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_13 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_14 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_15 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_16 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_17 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_18 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_19 String DEFAULT '' CODEC(ZSTD(1)),
    custom_dimension_20 String DEFAULT '' CODEC(ZSTD(1)),
    custom_metric_1 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_2 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_3 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_4 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_5 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_6 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_7 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_8 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_9 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_10 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_11 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_12 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_13 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_14 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_15 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_16 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_17 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_18 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_19 Float64 DEFAULT 0 CODEC(ZSTD(1)),
    custom_metric_20 Float64 DEFAULT 0 CODEC(ZSTD(1)),

    -- About the event: counts and sums are weighted by the inverse of sample_rate
    is_bot UInt8 DEFAULT 0,
    is_duplicate UInt8 DEFAULT 0,
    sdk_version String CODEC(ZSTD(1)),
    sample_rate Float64 DEFAULT 1 CODEC(ZSTD(1)),

    -- Where it stands in central's log: the truth about what is stored
    log_incarnation UUID,
    log_partition UInt32 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(Delta, ZSTD(1)),
    log_index UInt32 CODEC(ZSTD(1)),

    -- Where it stood in the edge's journal, and the policy under which it was admitted
    edge_id LowCardinality(String),
    epoch UUID,
    edge_offset UInt64 CODEC(Delta, ZSTD(1)),
    policy_id UInt64 CODEC(ZSTD(1)),

    INDEX idx_website website_id TYPE bloom_filter GRANULARITY 4,
    INDEX idx_session session_id TYPE bloom_filter GRANULARITY 4,
    INDEX idx_user user_id TYPE bloom_filter GRANULARITY 4,
    INDEX idx_page page_path TYPE tokenbf_v1(30000, 3, 0) GRANULARITY 4,
    INDEX idx_timestamp server_timestamp TYPE minmax GRANULARITY 1,
    INDEX idx_log_offset log_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/events_local', '{replica}')
PARTITION BY toYYYYMMDD(server_timestamp)
ORDER BY (website_id, server_timestamp, event_id)
TTL toDateTime(server_timestamp) + INTERVAL 14 MONTH
SETTINGS
    index_granularity = 8192,
    -- A wide part is a file for each of some 110 columns, all to be synced at every insert.
    min_bytes_for_wide_part = 268435456,
    min_rows_for_wide_part = 1000000,
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- What reports and people read: on a cluster it stands over the distributed table.
CREATE VIEW IF NOT EXISTS events ON CLUSTER analytics AS SELECT * FROM events_local;

-- On a cluster, people read all shards through one table, and so does the view. On a single node nothing changes.

CREATE TABLE IF NOT EXISTS events_distributed ON CLUSTER analytics AS events_local
ENGINE = Distributed(analytics, footfall, events_local, cityHash64(website_id));

CREATE OR REPLACE VIEW events ON CLUSTER analytics AS SELECT * FROM events_distributed;

-- Which session reached which goal of its website: computed with the session, and replaced with it.

CREATE TABLE IF NOT EXISTS conversions_local ON CLUSTER analytics
(
    website_id String CODEC(ZSTD(1)),
    goal_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    session_start DateTime('UTC') CODEC(Delta, ZSTD(1)),

    -- When it was reached first, and how often within the session
    reached_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    times UInt32 CODEC(ZSTD(1)),
    -- Of the session's transactions
    revenue Float64 CODEC(ZSTD(1)),

    is_bot UInt8,
    sample_rate Float64 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/conversions_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(session_start)
ORDER BY (website_id, session_start, session_id, is_bot, goal_id)
TTL session_start + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- On a cluster, of all shards.
CREATE TABLE IF NOT EXISTS conversions_distributed ON CLUSTER analytics AS conversions_local
ENGINE = Distributed(analytics, footfall, conversions_local, cityHash64(website_id));

-- What people read.
CREATE OR REPLACE VIEW conversions ON CLUSTER analytics AS
SELECT * EXCEPT (version, is_deleted) FROM conversions_distributed FINAL;

-- What a website had in a whole UTC day: computed from its events. Sums are weighted by the inverse of sample_rate; distinct users and
-- sessions are kept as states, so that those of several rows can be counted exactly.

CREATE TABLE IF NOT EXISTS daily_summary_local ON CLUSTER analytics
(
    website_id String CODEC(ZSTD(1)),
    date Date CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    events Float64 CODEC(ZSTD(1)),
    pageviews Float64 CODEC(ZSTD(1)),
    engagement_ms Float64 CODEC(ZSTD(1)),
    users AggregateFunction(uniqExact, UInt64),
    sessions AggregateFunction(uniqExact, UInt64),
    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/daily_summary_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(date)
ORDER BY (website_id, date, is_bot)
TTL date + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS daily_summary_distributed ON CLUSTER analytics AS daily_summary_local
ENGINE = Distributed(analytics, footfall, daily_summary_local, cityHash64(website_id));

-- How far what is derived from the events is, one row for each partition of a log; the newest version counts.
CREATE TABLE IF NOT EXISTS derivation_progress_local ON CLUSTER analytics
(
    log_incarnation UUID,
    log_partition UInt32,
    -- Of how many partitions: which websites are this one's
    partitions UInt32,
    -- Events below this offset are in the derived tables ...
    log_offset UInt64,
    -- ... of whole hours from here to there
    whole_from DateTime64(3, 'UTC'),
    whole_to DateTime64(3, 'UTC'),
    -- Sessions whose last event lies between these are there
    sessions_from DateTime64(3, 'UTC'),
    sessions_to DateTime64(3, 'UTC'),
    -- The first day of which there are events below; the past is done once whole_from has reached it
    past_from DateTime64(3, 'UTC'),
    -- Of the lease under which it was written: who has an older one writes nothing any more
    token UInt64,
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/derivation_progress_local', '{replica}', version)
ORDER BY (log_incarnation, log_partition)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Days whose events were changed below the offset, or that somebody wants to have computed again: a row for each partition. Written
-- before the change.
CREATE TABLE IF NOT EXISTS derivation_requests_local ON CLUSTER analytics
(
    request_id UUID,
    log_partition UInt32,
    -- events: rows are changed, and what is derived of these days is not to be believed until it is done; goals, rebuild: it is computed again
    reason LowCardinality(String),
    -- UTC days, both included
    day_from Date,
    day_to Date,
    -- Empty for all
    website_id String,
    requested_at DateTime64(3, 'UTC'),
    -- The days from this one on are done
    done_from Date,
    -- pending or done
    state LowCardinality(String),
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/derivation_requests_local', '{replica}', version)
ORDER BY (request_id, log_partition)
TTL requested_at::DateTime + INTERVAL 3 MONTH DELETE WHERE state = 'done'
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- What one step works on, of each partition: sessions, and cells. Each server's own, emptied before the next step.
CREATE TABLE IF NOT EXISTS derivation_sessions ON CLUSTER analytics
(
    log_partition UInt32,
    version UInt64,
    website_id String,
    session_id String,
    is_bot UInt8,
    -- What the part of the session is called; its first and last event
    part_id String,
    first DateTime64(3, 'UTC'),
    last DateTime64(3, 'UTC'),
    -- 0 goes on, 1 has ended, 2 may have to be cut
    state UInt8
)
ENGINE = MergeTree
PARTITION BY log_partition
ORDER BY (website_id, session_id);

CREATE TABLE IF NOT EXISTS derivation_cells ON CLUSTER analytics
(
    log_partition UInt32,
    version UInt64,
    website_id String,
    -- Hours: 1 or 24
    span UInt8,
    start DateTime('UTC')
)
ENGINE = MergeTree
PARTITION BY log_partition
ORDER BY (website_id, start);

-- What a website had in a whole UTC hour: computed from its events. Sums are weighted by the inverse of sample_rate; distinct users and
-- sessions are kept as states, so that those of several rows can be counted exactly.

CREATE TABLE IF NOT EXISTS hourly_summary_local ON CLUSTER analytics
(
    website_id String CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    events Float64 CODEC(ZSTD(1)),
    pageviews Float64 CODEC(ZSTD(1)),
    engagement_ms Float64 CODEC(ZSTD(1)),
    users AggregateFunction(uniqExact, UInt64),
    sessions AggregateFunction(uniqExact, UInt64),
    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/hourly_summary_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (website_id, hour, is_bot)
TTL hour + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS hourly_summary_distributed ON CLUSTER analytics AS hourly_summary_local
ENGINE = Distributed(analytics, footfall, hourly_summary_local, cityHash64(website_id));

-- What the visits of a website come to by hour: of whole UTC days, a row for each hour in which sessions began, or in which the page of a
-- bounce was viewed. Sums are weighted by the inverse of sample_rate.

CREATE TABLE IF NOT EXISTS hourly_visits_local ON CLUSTER analytics
(
    website_id String CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    is_bot UInt8,
    -- Sessions that began in the hour, and what they came to
    visits Float64 CODEC(ZSTD(1)),
    bounced Float64 CODEC(ZSTD(1)),
    duration Float64 CODEC(ZSTD(1)),
    pageviews Float64 CODEC(ZSTD(1)),
    conversions Float64 CODEC(ZSTD(1)),
    revenue Float64 CODEC(ZSTD(1)),
    -- Bounces whose page was viewed in the hour, whenever their sessions began
    bounces Float64 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/hourly_visits_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (website_id, hour, is_bot)
TTL hour + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS hourly_visits_distributed ON CLUSTER analytics AS hourly_visits_local
ENGINE = Distributed(analytics, footfall, hourly_visits_local, cityHash64(website_id));

-- Page views by one dimension at a time, for lists: a row for each value in a whole UTC hour (span 1) or day (span 24). The seed's
-- page_views_hourly has a row for each page, country and device together, which are too many to add up for a month.

CREATE TABLE IF NOT EXISTS page_view_rollups_local ON CLUSTER analytics
(
    website_id String CODEC(ZSTD(1)),
    -- page, source, channel, country, device, browser
    dimension LowCardinality(String),
    span UInt8,
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    value String CODEC(ZSTD(1)),
    is_bot UInt8,
    pageviews Float64 CODEC(ZSTD(1)),
    users AggregateFunction(uniqExact, UInt64),
    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/page_view_rollups_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(start)
ORDER BY (website_id, dimension, span, start, value, is_bot)
TTL start + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS page_view_rollups_distributed ON CLUSTER analytics AS page_view_rollups_local
ENGINE = Distributed(analytics, footfall, page_view_rollups_local, cityHash64(website_id));

-- The seed's hourly page views: a row for each page, country and device type of a whole UTC hour, computed from the events. Sums are weighted
-- by the inverse of sample_rate; distinct users and sessions are kept as states, so that those of several rows can be counted exactly.

CREATE TABLE IF NOT EXISTS page_views_hourly_local ON CLUSTER analytics
(
    website_id String CODEC(ZSTD(1)),
    page_path String CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    country LowCardinality(String),
    device_type LowCardinality(String),
    is_bot UInt8,
    pageviews Float64 CODEC(ZSTD(1)),
    -- Received in the hour for the page; a row may have nothing else
    engagement_ms Float64 CODEC(ZSTD(1)),
    users AggregateFunction(uniqExact, UInt64),
    sessions AggregateFunction(uniqExact, UInt64),
    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/page_views_hourly_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (website_id, page_path, hour, country, device_type, is_bot)
TTL hour + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS page_views_hourly_distributed ON CLUSTER analytics AS page_views_hourly_local
ENGINE = Distributed(analytics, footfall, page_views_hourly_local, cityHash64(website_id));

-- Sessions: one row for each visit that has ended, computed from its events. The seed's columns and what reports and recomputation need
-- beyond them. A row that is computed again replaces the older one (version); one whose session is no more is marked as deleted.

CREATE TABLE IF NOT EXISTS sessions_local ON CLUSTER analytics
(
    -- A session that goes on for more than a day is cut: its later parts have ids that begin with its own, behind a ~ their start
    session_id String CODEC(ZSTD(1)),
    website_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),

    -- Times of its first and last event, UTC; seconds between them
    session_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    session_end DateTime('UTC') CODEC(Delta, ZSTD(1)),
    session_duration UInt32 CODEC(ZSTD(1)),

    -- Counted as stored: reports weight them by the inverse of sample_rate
    pageviews UInt32 CODEC(ZSTD(1)),
    events UInt32 CODEC(ZSTD(1)),
    transactions UInt32 CODEC(ZSTD(1)),
    revenue Float64 CODEC(ZSTD(1)),
    engagement_ms UInt64 CODEC(ZSTD(1)),

    -- Paths of its first and last page view
    landing_page String CODEC(ZSTD(1)),
    exit_page String CODEC(ZSTD(1)),
    -- When the first page was viewed; the session's start where none was
    landed_at DateTime('UTC') CODEC(Delta, ZSTD(1)),

    -- The first source that was known
    traffic_source LowCardinality(String),
    source_name String CODEC(ZSTD(1)),
    traffic_medium LowCardinality(String),
    traffic_campaign String CODEC(ZSTD(1)),
    traffic_keyword String CODEC(ZSTD(1)),
    traffic_content String CODEC(ZSTD(1)),

    -- Of the first event
    device_type LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    country LowCardinality(String),
    region String CODEC(ZSTD(1)),
    city String CODEC(ZSTD(1)),

    -- One page view, no interaction, less than ten seconds of engagement
    is_bounce UInt8,
    is_conversion UInt8,
    is_bot UInt8,
    sample_rate Float64 CODEC(ZSTD(1)),

    -- What the session said last of each of the site's own dimensions
    custom_dimension_1 String CODEC(ZSTD(1)),
    custom_dimension_2 String CODEC(ZSTD(1)),
    custom_dimension_3 String CODEC(ZSTD(1)),
    custom_dimension_4 String CODEC(ZSTD(1)),
    custom_dimension_5 String CODEC(ZSTD(1)),
    custom_dimension_6 String CODEC(ZSTD(1)),
    custom_dimension_7 String CODEC(ZSTD(1)),
    custom_dimension_8 String CODEC(ZSTD(1)),
    custom_dimension_9 String CODEC(ZSTD(1)),
    custom_dimension_10 String CODEC(ZSTD(1)),
    custom_dimension_11 String CODEC(ZSTD(1)),
    custom_dimension_12 String CODEC(ZSTD(1)),
    custom_dimension_13 String CODEC(ZSTD(1)),
    custom_dimension_14 String CODEC(ZSTD(1)),
    custom_dimension_15 String CODEC(ZSTD(1)),
    custom_dimension_16 String CODEC(ZSTD(1)),
    custom_dimension_17 String CODEC(ZSTD(1)),
    custom_dimension_18 String CODEC(ZSTD(1)),
    custom_dimension_19 String CODEC(ZSTD(1)),
    custom_dimension_20 String CODEC(ZSTD(1)),

    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8,

    INDEX idx_website website_id TYPE bloom_filter GRANULARITY 4,
    INDEX idx_user user_id TYPE bloom_filter GRANULARITY 4,
    INDEX idx_version version TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/sessions_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(session_start)
ORDER BY (website_id, session_start, session_id, is_bot)
TTL session_start + INTERVAL 14 MONTH
SETTINGS
    min_bytes_for_wide_part = 268435456,
    min_rows_for_wide_part = 1000000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- On a cluster, of all shards.
CREATE TABLE IF NOT EXISTS sessions_distributed ON CLUSTER analytics AS sessions_local
ENGINE = Distributed(analytics, footfall, sessions_local, cityHash64(website_id));

-- What people read.
CREATE OR REPLACE VIEW sessions ON CLUSTER analytics AS
SELECT * EXCEPT (version, is_deleted) FROM sessions_distributed FINAL;

-- The seed's daily traffic sources, and who sent the visits: a row for each source of the sessions that began on a whole UTC day. Sums are
-- weighted by the inverse of sample_rate; averages and rates are made of them when they are read.

CREATE TABLE IF NOT EXISTS traffic_sources_daily_local ON CLUSTER analytics
(
    website_id String CODEC(ZSTD(1)),
    date Date CODEC(Delta, ZSTD(1)),
    traffic_source LowCardinality(String),
    source_name String CODEC(ZSTD(1)),
    traffic_medium LowCardinality(String),
    traffic_campaign String CODEC(ZSTD(1)),
    is_bot UInt8,
    sessions Float64 CODEC(ZSTD(1)),
    users AggregateFunction(uniqExact, UInt64),
    pageviews Float64 CODEC(ZSTD(1)),
    revenue Float64 CODEC(ZSTD(1)),
    transactions Float64 CODEC(ZSTD(1)),
    duration Float64 CODEC(ZSTD(1)),
    bounces Float64 CODEC(ZSTD(1)),
    conversions Float64 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    is_deleted UInt8
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/traffic_sources_daily_local', '{replica}', version, is_deleted)
PARTITION BY toYYYYMM(date)
ORDER BY (website_id, date, traffic_source, traffic_medium, source_name, traffic_campaign, is_bot)
TTL date + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS traffic_sources_daily_distributed ON CLUSTER analytics AS traffic_sources_daily_local
ENGINE = Distributed(analytics, footfall, traffic_sources_daily_local, cityHash64(website_id));

-- The seed's names for aggregates: page_views_hourly_mv, traffic_sources_daily_mv and daily_summary_mv, views with the seed's columns, without
-- bots. Whole hours and days come from the tables that are computed of the events, the rest from the events themselves. On a cluster each
-- shard answers for its websites, and all of them together.

-- How far the partitions of the log in use are.
CREATE OR REPLACE VIEW derivation_state_local ON CLUSTER analytics AS
SELECT log_incarnation, log_partition, partitions, log_offset, whole_from, whole_to, sessions_from, sessions_to
FROM derivation_progress_local FINAL
WHERE log_incarnation = (SELECT argMax(log_incarnation, version) FROM derivation_progress_local);

-- Websites' hours with events that the tables do not have yet.
CREATE OR REPLACE VIEW derivation_dirty_local ON CLUSTER analytics AS
SELECT DISTINCT e.website_id AS website_id, toStartOfHour(e.server_timestamp) AS hour
FROM events_local AS e
INNER JOIN derivation_state_local AS s ON e.log_incarnation = s.log_incarnation AND e.log_partition = s.log_partition
WHERE e.log_offset >= (SELECT min(log_offset) FROM derivation_state_local) AND e.log_offset >= s.log_offset;

-- Whether an hour of a website is to be read from the tables: of each partition, what is whole; of its websites, what is not dirty.
CREATE OR REPLACE VIEW derivation_websites_local ON CLUSTER analytics AS
SELECT w.website_id AS website_id, s.whole_from AS whole_from, s.whole_to AS whole_to
FROM (SELECT DISTINCT website_id FROM hourly_summary_local) AS w
INNER JOIN derivation_state_local AS s ON cityHash64(w.website_id) % (SELECT greatest(max(partitions), 1) FROM derivation_state_local) = s.log_partition::UInt64;

CREATE OR REPLACE VIEW hourly_page_views_local ON CLUSTER analytics AS
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

CREATE TABLE IF NOT EXISTS hourly_page_views_distributed ON CLUSTER analytics AS hourly_page_views_local
ENGINE = Distributed(analytics, footfall, hourly_page_views_local, cityHash64(website_id));

CREATE OR REPLACE VIEW page_views_hourly_mv ON CLUSTER analytics AS SELECT * FROM hourly_page_views_distributed;

CREATE OR REPLACE VIEW daily_websites_local ON CLUSTER analytics AS
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

CREATE TABLE IF NOT EXISTS daily_websites_distributed ON CLUSTER analytics AS daily_websites_local
ENGINE = Distributed(analytics, footfall, daily_websites_local, cityHash64(website_id));

CREATE OR REPLACE VIEW daily_summary_mv ON CLUSTER analytics AS SELECT * FROM daily_websites_distributed;

CREATE OR REPLACE VIEW daily_sources_local ON CLUSTER analytics AS
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

CREATE TABLE IF NOT EXISTS daily_sources_distributed ON CLUSTER analytics AS daily_sources_local
ENGINE = Distributed(analytics, footfall, daily_sources_local, cityHash64(website_id));

CREATE OR REPLACE VIEW traffic_sources_daily_mv ON CLUSTER analytics AS SELECT * FROM daily_sources_distributed;

-- The days from this one on have their visits by hour. A partition that was derived before there were any has none: it goes back through them.
ALTER TABLE derivation_progress_local ON CLUSTER analytics ADD COLUMN IF NOT EXISTS visits_from DateTime64(3, 'UTC') DEFAULT '2100-01-01 00:00:00' AFTER past_from;
