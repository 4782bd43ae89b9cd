-- How far what is derived from the events is, one row for each partition of a log; the newest version counts.
CREATE TABLE IF NOT EXISTS derivation_progress_local{{on_cluster}}
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
ENGINE = {{engine:derivation_progress_local:ReplacingMergeTree(version)}}
ORDER BY (log_incarnation, log_partition)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Days whose events were changed below the offset, or that somebody wants to have computed again: a row for each partition. Written
-- before the change.
CREATE TABLE IF NOT EXISTS derivation_requests_local{{on_cluster}}
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
ENGINE = {{engine:derivation_requests_local:ReplacingMergeTree(version)}}
ORDER BY (request_id, log_partition)
TTL requested_at::DateTime + INTERVAL 3 MONTH DELETE WHERE state = 'done'
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- What one step works on, of each partition: sessions, and cells. Each server's own, emptied before the next step.
CREATE TABLE IF NOT EXISTS derivation_sessions{{on_cluster}}
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

CREATE TABLE IF NOT EXISTS derivation_cells{{on_cluster}}
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
