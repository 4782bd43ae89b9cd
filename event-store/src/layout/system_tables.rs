//! Which tables of `system` say something of the machine, of the server, or of other callers: only the owner reads their rows. Pure.
//!
//! The engine lets everybody select from `system`, whatever the grants are. So each of these has a row policy: without the
//! owner's role it is empty. What is not here describes the language, or is bounded by the grants itself (`tables`, `columns`,
//! `databases` list what the caller may see). `tests/it/attacks/beyond.rs` holds this list against the engine's own.

/// Tables whose rows the owner alone sees; the last of them (from `asynchronous_metrics` on) do not
/// exist in this engine, and a later one might fill them.
pub const OWNERS: &str = "\
    asynchronous_inserts asynchronous_loader azure_queue_metadata_cache azure_queue_settings \
    background_schedule_pool backups build_options certificates clusters completions dashboards \
    database_replicas detached_parts detached_tables dictionaries dimensional_metrics disks \
    distributed_ddl_queue distribution_queue dns_cache dropped_tables dropped_tables_parts errors events \
    fail_points filesystem_cache filesystem_cache_settings grants graphite_retentions histogram_metrics \
    hypothetical_indexes iceberg_files iceberg_history jemalloc_bins jemalloc_profile_text jemalloc_stats \
    kafka_consumers macros masking_policies merge_tree_settings merges metrics models moves mutations \
    named_collections part_moves_between_shards parts parts_columns processes projection_parts \
    projection_parts_columns query_cache query_condition_cache quota_limits quota_usage quotas quotas_usage \
    remote_data_paths replicas replicated_fetches replicated_merge_tree_settings replication_queue resources \
    rocksdb role_grants roles row_policies s3_queue_settings s3queue_metadata_cache scheduler \
    schema_inference_cache server_settings settings_changes settings_profile_elements settings_profiles \
    stack_trace storage_policies symbols user_defined_functions user_directories user_processes users \
    view_refreshes warnings workloads \
    asynchronous_metrics query_log query_thread_log part_log text_log trace_log metric_log session_log \
    user_query_log zookeeper zookeeper_connection s3queue_log backup_log query_metric_log error_log latency_log \
    processors_profile_log opentelemetry_span_log asynchronous_metric_log asynchronous_insert_log crash_log \
    blob_storage_log";

/// Tables of which anybody sees all that the grants allow.
pub const EVERYBODYS: &str = "\
    aggregate_function_combinators codecs collations columns constraints contributors current_roles \
    data_skipping_index_types data_skipping_indices data_type_families database_engines databases \
    dictionary_layouts dictionary_sources disk_types documentation enabled_roles formats functions keywords \
    licenses numbers numbers_mt one primes privileges projections settings table_engines table_functions tables \
    time_zones tokenizers unicode zeros zeros_mt";

#[cfg(test)]
mod the_tables {
    use super::*;

    #[test]
    fn are_either_the_owners_or_everybodys() {
        assert!(EVERYBODYS.split(' ').all(|name| OWNERS.split(' ').all(|other| other != name)));
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        assert!(OWNERS.split(' ').all(|name| !name.is_empty() && name.bytes().all(is_plain)));
    }
}
