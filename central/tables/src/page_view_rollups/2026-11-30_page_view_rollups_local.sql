-- Page views by one dimension at a time, for lists: a row for each value in a whole UTC hour (span 1) or day (span 24). The seed's
-- page_views_hourly has a row for each page, country and device together, which are too many to add up for a month.

CREATE TABLE IF NOT EXISTS page_view_rollups_local{{on_cluster}}
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
ENGINE = {{engine:page_view_rollups_local:ReplacingMergeTree(version, is_deleted)}}
PARTITION BY toYYYYMM(start)
ORDER BY (website_id, dimension, span, start, value, is_bot)
TTL start + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

{{cluster_only}}CREATE TABLE IF NOT EXISTS page_view_rollups_distributed{{on_cluster}} AS page_view_rollups_local
ENGINE = {{distributed:page_view_rollups_local}};
