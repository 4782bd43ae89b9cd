-- What a website had in a whole UTC hour: computed from its events. Sums are weighted by the inverse of sample_rate; distinct users and
-- sessions are kept as states, so that those of several rows can be counted exactly.

CREATE TABLE IF NOT EXISTS hourly_summary_local{{on_cluster}}
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
ENGINE = {{engine:hourly_summary_local:ReplacingMergeTree(version, is_deleted)}}
PARTITION BY toYYYYMM(hour)
ORDER BY (website_id, hour, is_bot)
TTL hour + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

{{cluster_only}}CREATE TABLE IF NOT EXISTS hourly_summary_distributed{{on_cluster}} AS hourly_summary_local
ENGINE = {{distributed:hourly_summary_local}};
