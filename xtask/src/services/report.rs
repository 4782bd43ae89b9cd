//! services.json: where each server is, how to log in, and which process it is. Its shape is what tests and `up --full` read.

use serde_json::{Map, Value, json};

use super::server::SERVERS;
use super::{Context, DATABASE, USER, druid, s3};
use crate::file;

/// Rewrites the file from the servers that were started and not ended, one that died included: it is to come back.
/// Answers what stands in it now.
pub(super) fn rewrite(context: &Context) -> anyhow::Result<Value> {
    let layout = &context.layout;
    let mut sections = Map::new();
    for name in ["kafka", "postgresql", "redis", "s3", "clickhouse", "druid"] {
        let pids: Vec<u32> = SERVERS
            .iter()
            .filter(|server| server.group == name)
            .filter_map(|server| server.recorded(layout))
            .map(|process| process.pid)
            .collect();
        if !pids.is_empty() {
            sections.insert(name.to_owned(), section(context, name, &pids));
        }
    }
    sections.insert("data".to_owned(), json!(layout.data));
    let report = Value::Object(sections);
    file::write(&layout.report(), &serde_json::to_vec_pretty(&report)?, 0o644)?;
    Ok(report)
}

fn section(context: &Context, name: &str, pids: &[u32]) -> Value {
    let (ports, ca) = (&context.ports, context.authority.ca());
    let (password_file, pid) = (context.layout.password_file(name), pids[0]);
    match name {
        "kafka" => json!({
            "bootstrap": format!("127.0.0.1:{}", ports.kafka), "security": "SASL_SSL", "mechanism": "SCRAM-SHA-512",
            "user": USER, "password_file": password_file, "ca": ca, "pid": pid,
        }),
        "postgresql" => json!({
            "host": "127.0.0.1", "port": ports.postgresql, "database": DATABASE,
            "user": USER, "password_file": password_file, "ca": ca, "pid": pid,
        }),
        "redis" => json!({
            "host": "127.0.0.1", "port": ports.redis, "tls": true,
            "user": USER, "password_file": password_file, "ca": ca, "pid": pid,
        }),
        "s3" => json!({
            "endpoint": format!("http://127.0.0.1:{}", ports.s3), "region": s3::REGION, "bucket": s3::BUCKET,
            "access_key": USER, "secret_key_file": password_file, "pid": pid,
        }),
        "druid" => json!({
            "coordinator": druid::url(ports.druid.coordinator), "broker": druid::url(ports.druid.broker), "pids": pids,
        }),
        _ => json!({
            "shards": ports.clickhouse.map(|port| [format!("http://127.0.0.1:{port}")]),
            "user": USER, "password_file": password_file, "database": DATABASE, "pids": pids,
        }),
    }
}
