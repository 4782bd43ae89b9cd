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
