-- The seed's hourly page views: a row for each page, country and device type of a whole UTC hour, computed from the events. Sums are weighted
-- by the inverse of sample_rate; distinct users and sessions are kept as states, so that those of several rows can be counted exactly.

CREATE TABLE IF NOT EXISTS page_views_hourly_local{{on_cluster}}
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
ENGINE = {{engine:page_views_hourly_local:ReplacingMergeTree(version, is_deleted)}}
PARTITION BY toYYYYMM(hour)
ORDER BY (website_id, page_path, hour, country, device_type, is_bot)
TTL hour + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

{{cluster_only}}CREATE TABLE IF NOT EXISTS page_views_hourly_distributed{{on_cluster}} AS page_views_hourly_local
ENGINE = {{distributed:page_views_hourly_local}};
