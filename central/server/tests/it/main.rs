//! Central's tests with a real event store, real servers and the real program, in one binary: linking all of central once is what they cost.

mod admin;
mod blobs;
mod check;
mod cluster_schema;
mod dead_letters;
mod event_store;
mod events;
mod exactly_once;
mod forged_journal;
mod live;
mod live_adversity;
mod live_redis;
mod log;
mod metadata;
mod process;
mod raw_log;
mod readiness;
mod replay;
mod replay_live;
mod replay_shards;
mod reports;
mod servers;
mod sinks;
mod stats;
mod support;
mod token_and_rename;
