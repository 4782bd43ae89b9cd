-- What the visits of a website come to by hour: of whole UTC days, a row for each hour in which sessions began, or in which the page of a
-- bounce was viewed. Sums are weighted by the inverse of sample_rate.

CREATE TABLE IF NOT EXISTS hourly_visits_local{{on_cluster}}
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
ENGINE = {{engine:hourly_visits_local:ReplacingMergeTree(version, is_deleted)}}
PARTITION BY toYYYYMM(hour)
ORDER BY (website_id, hour, is_bot)
TTL hour + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

{{cluster_only}}CREATE TABLE IF NOT EXISTS hourly_visits_distributed{{on_cluster}} AS hourly_visits_local
ENGINE = {{distributed:hourly_visits_local}};
