-- The seed's daily traffic sources, and who sent the visits: a row for each source of the sessions that began on a whole UTC day. Sums are
-- weighted by the inverse of sample_rate; averages and rates are made of them when they are read.

CREATE TABLE IF NOT EXISTS traffic_sources_daily_local{{on_cluster}}
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
ENGINE = {{engine:traffic_sources_daily_local:ReplacingMergeTree(version, is_deleted)}}
PARTITION BY toYYYYMM(date)
ORDER BY (website_id, date, traffic_source, traffic_medium, source_name, traffic_campaign, is_bot)
TTL date + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

{{cluster_only}}CREATE TABLE IF NOT EXISTS traffic_sources_daily_distributed{{on_cluster}} AS traffic_sources_daily_local
ENGINE = {{distributed:traffic_sources_daily_local}};
