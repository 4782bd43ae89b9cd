//! What `cargo xtask services` says about the real servers: its services.json, whose path `FOOTFALL_SERVICES` holds.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Every section is there while its server was started and not ended; one that was killed keeps its last pid.
#[derive(Debug, Clone, Deserialize)]
pub struct Services {
    /// The log.
    pub kafka: Option<Kafka>,
    /// The metadata.
    pub postgresql: Option<Postgresql>,
    /// The live view.
    pub redis: Option<Redis>,
    /// The raw log.
    pub s3: Option<S3>,
    /// The events.
    pub clickhouse: Option<ClickHouse>,
    /// The rolled-up minutes.
    pub druid: Option<Druid>,
    /// The folder that holds all their state.
    pub data: PathBuf,
}

/// Apache Kafka.
#[derive(Debug, Clone, Deserialize)]
pub struct Kafka {
    /// Host and port.
    pub bootstrap: String,
    /// As clients call it: `SASL_SSL`.
    pub security: String,
    /// As clients call it: `SCRAM-SHA-512`.
    pub mechanism: String,
    /// May do everything.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The certificate to trust.
    pub ca: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// PostgreSQL, TLS only.
#[derive(Debug, Clone, Deserialize)]
pub struct Postgresql {
    /// An address of this machine.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// One that is there; the user may make others.
    pub database: String,
    /// Owns the database.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The certificate to trust.
    pub ca: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// Redis.
#[derive(Debug, Clone, Deserialize)]
pub struct Redis {
    /// An address of this machine.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// The one ACL user.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The certificate to trust.
    pub ca: PathBuf,
    /// Always.
    pub tls: bool,
    /// Its process.
    pub pid: u32,
}

/// An S3 server.
#[derive(Debug, Clone, Deserialize)]
pub struct S3 {
    /// URL, plain HTTP.
    pub endpoint: String,
    /// What requests are signed with.
    pub region: String,
    /// One that is there.
    pub bucket: String,
    /// The public half of the key.
    pub access_key: String,
    /// Holds the secret half.
    pub secret_key_file: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// ClickHouse.
#[derive(Debug, Clone, Deserialize)]
pub struct ClickHouse {
    /// Shards, each a list of its replicas' URLs.
    pub shards: Vec<Vec<String>>,
    /// May write.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The one that may be written.
    pub database: String,
    /// A process for each shard.
    pub pids: Vec<u32>,
}

/// Druid, plain HTTP.
#[derive(Debug, Clone, Deserialize)]
pub struct Druid {
    /// URL of the coordinator, which is the overlord too.
    pub coordinator: String,
    /// URL of the broker.
    pub broker: String,
    /// Its processes, ZooKeeper last.
    pub pids: Vec<u32>,
}

/// The servers that `FOOTFALL_SERVICES` names. Panics when there are none: no story passes because it could not be told.
#[must_use]
pub fn services() -> Services {
    let path = std::env::var_os("FOOTFALL_SERVICES")
        .expect("start the servers with cargo xtask services up, then set FOOTFALL_SERVICES");
    read(Path::new(&path))
}

/// Kafka; panics when it is not among the servers.
#[must_use]
pub fn kafka() -> Kafka {
    part("kafka", services().kafka)
}

/// PostgreSQL, likewise.
#[must_use]
pub fn postgresql() -> Postgresql {
    part("postgresql", services().postgresql)
}

/// Redis, likewise.
#[must_use]
pub fn redis() -> Redis {
    part("redis", services().redis)
}

/// The S3 server, likewise.
#[must_use]
pub fn s3() -> S3 {
    part("s3", services().s3)
}

/// The ClickHouse servers, likewise.
#[must_use]
pub fn clickhouse() -> ClickHouse {
    part("clickhouse", services().clickhouse)
}

/// Druid, likewise.
#[must_use]
pub fn druid() -> Druid {
    part("druid", services().druid)
}

fn part<T>(name: &str, server: Option<T>) -> T {
    server.unwrap_or_else(|| panic!("{name} is not among the servers: cargo xtask services up {name}"))
}

/// services.json as it stands now.
#[must_use]
pub fn read(path: &Path) -> Services {
    let text =
        std::fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("{} is no services.json: {error}", path.display()))
}

impl Services {
    /// The processes of one server, by its name in services.json.
    #[must_use]
    pub fn pids(&self, name: &str) -> Vec<u32> {
        match name {
            "kafka" => self.kafka.iter().map(|server| server.pid).collect(),
            "postgresql" => self.postgresql.iter().map(|server| server.pid).collect(),
            "redis" => self.redis.iter().map(|server| server.pid).collect(),
            "s3" => self.s3.iter().map(|server| server.pid).collect(),
            "clickhouse" => self.clickhouse.iter().flat_map(|server| server.pids.clone()).collect(),
            "druid" => self.druid.iter().flat_map(|server| server.pids.clone()).collect(),
            other => panic!("there is no service {other}"),
        }
    }
}
