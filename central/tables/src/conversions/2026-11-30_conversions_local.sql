-- Which session reached which goal of its website: computed with the session, and replaced with it.

CREATE TABLE IF NOT EXISTS conversions_local{{on_cluster}}
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
ENGINE = {{engine:conversions_local:ReplacingMergeTree(version, is_deleted)}}
PARTITION BY toYYYYMM(session_start)
ORDER BY (website_id, session_start, session_id, is_bot, goal_id)
TTL session_start + INTERVAL 14 MONTH
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- On a cluster, of all shards.
{{cluster_only}}CREATE TABLE IF NOT EXISTS conversions_distributed{{on_cluster}} AS conversions_local
ENGINE = {{distributed:conversions_local}};

-- What people read.
CREATE OR REPLACE VIEW conversions{{on_cluster}} AS
SELECT * EXCEPT (version, is_deleted) FROM {{conversions}} FINAL;
