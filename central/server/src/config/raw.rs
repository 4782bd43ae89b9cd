//! The configuration as it is written: TOML, with what the environment says in its place. Judges nothing but the kind of each value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;
use super::kafka::RawKafka;

/// The configuration as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) data: PathBuf,
    #[serde(default)]
    pub(super) http: RawHttp,
    pub(super) relay: RawRelay,
    #[serde(default)]
    pub(super) event_store: RawEventStore,
    #[serde(default)]
    pub(super) log: RawLog,
    #[serde(default)]
    pub(super) metadata: RawMetadata,
    #[serde(default)]
    pub(super) blobs: RawBlobs,
    #[serde(default)]
    pub(super) live: RawLive,
    #[serde(default)]
    pub(super) query: RawQuery,
    #[serde(default)]
    pub(super) tag: RawTag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHttp {
    pub(super) listen: String,
    pub(super) names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRelay {
    #[serde(default = "RawRelay::listen")]
    pub(super) listen: String,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) ca: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEventStore {
    pub(super) servers: Vec<Vec<String>>,
    pub(super) cluster: Option<String>,
    pub(super) ca: Option<PathBuf>,
    pub(super) listen: String,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password_file: Option<PathBuf>,
    pub(super) library: Option<PathBuf>,
    pub(super) program: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLog {
    pub(super) backend: String,
    pub(super) kafka: Option<RawKafka>,
    pub(super) max_bytes: u64,
    pub(super) segment_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMetadata {
    pub(super) backend: RawMetadataBackend,
    pub(super) postgresql: Option<RawPostgresql>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMetadataBackend {
    #[default]
    Sqlite,
    Postgresql,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPostgresql {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) tls: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBlobs {
    pub(super) backend: String,
    pub(super) folder: Option<PathBuf>,
    pub(super) close_after_seconds: u64,
    pub(super) s3: Option<RawS3>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawS3 {
    pub(super) endpoint: String,
    #[serde(default = "RawS3::region")]
    pub(super) region: String,
    pub(super) bucket: String,
    #[serde(default)]
    pub(super) prefix: String,
    pub(super) access_key: String,
    pub(super) secret_key_file: PathBuf,
    #[serde(default)]
    pub(super) allow_http: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLive {
    pub(super) backend: String,
    pub(super) redis: Option<RawRedis>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRedis {
    pub(super) host: String,
    #[serde(default = "RawRedis::port")]
    pub(super) port: u16,
    #[serde(default = "RawRedis::user")]
    pub(super) user: String,
    pub(super) password_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) tls: bool,
    pub(super) ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) cluster: bool,
    #[serde(default)]
    pub(super) prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawQuery {
    pub(super) stale_seconds: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTag {
    pub(super) edge_url: String,
}

/// What may stand in the environment instead: section (none at the top; a dot before a section within one), key,
/// and what kind of value it is.
const KEYS: &[(&str, &str, Kind)] = &[
    ("", "data", Kind::Text),
    ("http", "listen", Kind::Text),
    ("http", "names", Kind::List),
    ("relay", "listen", Kind::Text),
    ("relay", "certificate", Kind::Text),
    ("relay", "key", Kind::Text),
    ("relay", "ca", Kind::Text),
    ("event_store", "servers", Kind::Lists),
    ("event_store", "cluster", Kind::Text),
    ("event_store", "ca", Kind::Text),
    ("event_store", "listen", Kind::Text),
    ("event_store", "database", Kind::Text),
    ("event_store", "user", Kind::Text),
    ("event_store", "password_file", Kind::Text),
    ("event_store", "library", Kind::Text),
    ("event_store", "program", Kind::Text),
    ("log", "max_bytes", Kind::Number),
    ("log", "segment_bytes", Kind::Number),
    ("log", "backend", Kind::Text),
    ("log.kafka", "bootstrap", Kind::Text),
    ("log.kafka", "topic", Kind::Text),
    ("log.kafka", "partitions", Kind::Number),
    ("log.kafka", "replication", Kind::Number),
    ("log.kafka", "retention", Kind::Text),
    ("log.kafka", "group", Kind::Text),
    ("log.kafka", "security", Kind::Text),
    ("log.kafka", "mechanism", Kind::Text),
    ("log.kafka", "user", Kind::Text),
    ("log.kafka", "password_file", Kind::Text),
    ("log.kafka", "ca", Kind::Text),
    ("metadata", "backend", Kind::Text),
    ("metadata.postgresql", "host", Kind::Text),
    ("metadata.postgresql", "port", Kind::Number),
    ("metadata.postgresql", "database", Kind::Text),
    ("metadata.postgresql", "user", Kind::Text),
    ("metadata.postgresql", "password_file", Kind::Text),
    ("metadata.postgresql", "ca", Kind::Text),
    ("metadata.postgresql", "tls", Kind::Flag),
    ("blobs", "backend", Kind::Text),
    ("blobs", "folder", Kind::Text),
    ("blobs", "close_after_seconds", Kind::Number),
    ("blobs.s3", "endpoint", Kind::Text),
    ("blobs.s3", "region", Kind::Text),
    ("blobs.s3", "bucket", Kind::Text),
    ("blobs.s3", "prefix", Kind::Text),
    ("blobs.s3", "access_key", Kind::Text),
    ("blobs.s3", "secret_key_file", Kind::Text),
    ("blobs.s3", "allow_http", Kind::Flag),
    ("live", "backend", Kind::Text),
    ("live.redis", "host", Kind::Text),
    ("live.redis", "port", Kind::Number),
    ("live.redis", "user", Kind::Text),
    ("live.redis", "password_file", Kind::Text),
    ("live.redis", "tls", Kind::Flag),
    ("live.redis", "ca", Kind::Text),
    ("live.redis", "cluster", Kind::Flag),
    ("live.redis", "prefix", Kind::Text),
    ("query", "stale_seconds", Kind::Number),
    ("tag", "edge_url", Kind::Text),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Number,
    /// `true` or `false`.
    Flag,
    /// Comma-separated.
    List,
    /// Comma-separated lists, parted by semicolons.
    Lists,
}

impl RawConfig {
    /// Reads the text; variables of the environment come before it.
    pub(super) fn read(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table: toml::Table = text.parse().map_err(|error| ConfigError::syntax(&error))?;
        let environment: BTreeMap<_, _> = environment.into_iter().collect();
        for (section, key, kind) in KEYS.iter().copied() {
            let parts = ["FOOTFALL", section, key].into_iter().filter(|part| !part.is_empty());
            let name = parts.collect::<Vec<_>>().join("_").replace('.', "_").to_uppercase();
            if let Some(value) = environment.get(&name) {
                let value = kind.read(value).ok_or(ConfigError::Environment(name))?;
                insert(&mut table, section, key, value);
            }
        }
        table.try_into().map_err(|error| ConfigError::syntax(&error))
    }
}

impl Kind {
    fn read(self, value: &str) -> Option<toml::Value> {
        match self {
            Self::Text => Some(value.into()),
            Self::Number => value.parse::<i64>().ok().map(toml::Value::from),
            Self::Flag => value.parse::<bool>().ok().map(toml::Value::from),
            Self::List => Some(list(value)),
            Self::Lists => Some(value.split(';').map(list).collect::<Vec<_>>().into()),
        }
    }
}

fn list(text: &str) -> toml::Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(toml::Value::from).collect::<Vec<_>>().into()
}

fn insert(table: &mut toml::Table, section: &str, key: &str, value: toml::Value) {
    if section.is_empty() {
        table.insert(key.to_owned(), value);
        return;
    }
    let (outer, inner) = section.split_once('.').unwrap_or((section, ""));
    let entry = table.entry(outer).or_insert_with(|| toml::Table::new().into());
    // Something else than a section under its name is told when the whole is read.
    if let Some(outer) = entry.as_table_mut() {
        insert(outer, inner, key, value);
    }
}

impl Default for RawHttp {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8081".into(), names: Vec::new() }
    }
}

impl RawRelay {
    fn listen() -> String {
        "127.0.0.1:4433".into()
    }
}

impl Default for RawEventStore {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            cluster: None,
            ca: None,
            listen: "127.0.0.1:8123".into(),
            database: "footfall".into(),
            user: "footfall".into(),
            password_file: None,
            library: None,
            program: None,
        }
    }
}

impl Default for RawLog {
    fn default() -> Self {
        Self { backend: "embedded".into(), kafka: None, max_bytes: 8 << 30, segment_bytes: 64 << 20 }
    }
}

impl Default for RawPostgresql {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 5432,
            database: "footfall".into(),
            user: "footfall".into(),
            password_file: None,
            ca: None,
            tls: true,
        }
    }
}

impl Default for RawBlobs {
    fn default() -> Self {
        Self { backend: "folder".into(), folder: None, close_after_seconds: 60, s3: None }
    }
}

impl RawS3 {
    fn region() -> String {
        "us-east-1".into()
    }
}

impl std::fmt::Debug for RawS3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawS3")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

impl Default for RawLive {
    fn default() -> Self {
        Self { backend: "memory".into(), redis: None }
    }
}

impl RawRedis {
    fn port() -> u16 {
        6379
    }

    fn user() -> String {
        "default".into()
    }
}

impl Default for RawQuery {
    fn default() -> Self {
        Self { stale_seconds: 5 }
    }
}

impl Default for RawTag {
    fn default() -> Self {
        Self { edge_url: "http://127.0.0.1:8080".into() }
    }
}
