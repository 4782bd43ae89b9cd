//! The real servers that `cargo xtask services up` started, as the file that `FOOTFALL_SERVICES` names describes them.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Kafka {
    pub(crate) bootstrap: String,
    pub(crate) security: String,
    pub(crate) mechanism: String,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) ca: PathBuf,
    pub(crate) pid: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Postgresql {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) ca: PathBuf,
    pub(crate) pid: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Redis {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) ca: PathBuf,
    pub(crate) tls: bool,
    pub(crate) pid: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct S3 {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) access_key: String,
    pub(crate) secret_key_file: PathBuf,
    pub(crate) pid: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ClickHouse {
    pub(crate) shards: Vec<Vec<String>>,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) database: String,
    pub(crate) pids: Vec<u32>,
}

/// Only what a test names is read of the file: servers that are not wanted need not run.
fn part<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = std::env::var_os("FOOTFALL_SERVICES")
        .expect("start the servers with cargo xtask services up, then set FOOTFALL_SERVICES");
    let text = std::fs::read_to_string(&path).expect("FOOTFALL_SERVICES names a file");
    let mut services: serde_json::Value = serde_json::from_str(&text).expect("FOOTFALL_SERVICES names JSON");
    let part = services[name].take();
    serde_json::from_value(part).unwrap_or_else(|error| {
        panic!("{name} is not among the servers ({error}): cargo xtask services up {name}")
    })
}

/// The S3 server.
pub(crate) fn s3() -> S3 {
    part("s3")
}

/// Kafka.
pub(crate) fn kafka() -> Kafka {
    part("kafka")
}

/// PostgreSQL.
pub(crate) fn postgresql() -> Postgresql {
    part("postgresql")
}

/// Redis.
pub(crate) fn redis() -> Redis {
    part("redis")
}

/// The ClickHouse servers.
pub(crate) fn clickhouse() -> ClickHouse {
    part("clickhouse")
}
