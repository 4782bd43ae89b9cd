-- Sessions: one row for each visit that has ended, computed from its events. The seed's columns and what reports and recomputation need
-- beyond them. A row that is computed again replaces the older one (version); one whose session is no more is marked as deleted.

CREATE TABLE IF NOT EXISTS sessions_local{{on_cluster}}
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
ENGINE = {{engine:sessions_local:ReplacingMergeTree(version, is_deleted)}}
PARTITION BY toYYYYMM(session_start)
ORDER BY (website_id, session_start, session_id, is_bot)
TTL session_start + INTERVAL 14 MONTH
SETTINGS
    min_bytes_for_wide_part = 268435456,
    min_rows_for_wide_part = 1000000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- On a cluster, of all shards.
{{cluster_only}}CREATE TABLE IF NOT EXISTS sessions_distributed{{on_cluster}} AS sessions_local
ENGINE = {{distributed:sessions_local}};

-- What people read.
CREATE OR REPLACE VIEW sessions{{on_cluster}} AS
SELECT * EXCEPT (version, is_deleted) FROM {{sessions}} FINAL;
