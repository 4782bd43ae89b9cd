//! What central is told, by its TOML file and the environment: first as it was written, then checked and made whole. Opens no port and
//! changes no file.

mod druid;
mod error;
mod kafka;
mod raw;
mod redis;
mod transport;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ingest;
pub use druid::Druid;
pub use error::ConfigError;
use raw::{RawBlobs, RawConfig, RawEventStore, RawLog, RawMetadata, RawMetadataBackend, RawRelay, RawS3};

/// The configuration as it is used.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that holds all state.
    pub data: PathBuf,
    /// The dashboard and the API.
    pub http: Http,
    /// Where edges connect.
    pub relay: ingest::Options,
    /// Which receipt times edges are believed.
    pub receipt_window: ingest::ReceiptWindow,
    /// The event store.
    pub event_store: footfall_clickhouse::Options,
    /// Where the log is kept.
    pub log: Log,
    /// Where users and websites are kept.
    pub metadata: footfall_metadata::Location,
    /// Where the raw log rests.
    pub blobs: footfall_blobs::Location,
    /// After this much time an object of the raw log is closed.
    pub close_after: Duration,
    /// The live view.
    pub live: footfall_live::Options,
    /// How old an answer of a report may be.
    pub stale: Duration,
    /// Whether sessions, conversions and aggregates are computed.
    pub derive: bool,
    /// Druid, where it is fed.
    pub druid: Option<Druid>,
    /// Where the tag to copy loads the beacon from.
    pub tag_edge_url: String,
}

/// Where the log is kept.
#[derive(Clone, Debug)]
pub enum Log {
    /// In the data folder.
    Embedded {
        /// Most bytes that may wait for a sink.
        max_bytes: u64,
        /// Size of a segment file, bytes.
        segment_bytes: u64,
    },
    /// In Kafka, shared with other centrals.
    Kafka(Box<footfall_log::kafka::Options>),
}

impl Log {
    /// How many partitions it has.
    pub fn partitions(&self) -> u32 {
        match self {
            Self::Embedded { .. } => 1,
            Self::Kafka(options) => options.partitions,
        }
    }
}

/// The dashboard and the API.
#[derive(Clone, Debug)]
pub struct Http {
    /// Address and port; loopback only.
    pub listen: SocketAddr,
    /// Host names that are accepted besides those of this machine.
    pub names: Vec<String>,
    /// Where the metrics are served, if not with the dashboard; any address.
    pub metrics_listen: Option<SocketAddr>,
}

/// The metadata's file, in the data folder.
const METADATA: &str = "metadata.sqlite";
/// For how long an edge may have been cut off, days. No batch of rows is spread over more days than that and two ...
const RECEIPT_DAYS_BACK: std::ops::RangeInclusive<u16> = 1..=60;
const _: () = assert!(*RECEIPT_DAYS_BACK.end() as usize + 2 <= footfall_sink::batch::MAX_DAYS);
/// ... and how far ahead its clock may be, seconds: no less than with which it may greet.
const RECEIPT_SECONDS_AHEAD: std::ops::RangeInclusive<u16> = 60..=3600;
/// How long an object of the raw log may stay open.
const CLOSE_AFTER_SECONDS: std::ops::RangeInclusive<u64> = 1..=3600;
/// Smallest log, bytes: a few of the largest records must fit.
const MIN_LOG_BYTES: u64 = 16 << 20;

/// Variables of an edge, which may run with the same environment.
const OTHERS: &[&str] = &[
    "FOOTFALL_BEACON_",
    "FOOTFALL_CENTRAL_",
    "FOOTFALL_GEO_",
    "FOOTFALL_HEALTH_",
    "FOOTFALL_HTTP_MAX_CONNECTIONS",
    "FOOTFALL_HTTP_TRUSTED_PROXIES",
    "FOOTFALL_HTTP_WORKERS",
    "FOOTFALL_JOURNAL_",
];

impl Config {
    /// Reads the file, with what `FOOTFALL_…` variables say in its place.
    ///
    /// # Errors
    /// [`ConfigError`]: one sentence.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        footfall_daemon::config::load::<RawConfig>(path, OTHERS)?.resolve()
    }

    /// Every key with what it is for and its default, as a TOML file.
    pub fn template() -> String {
        footfall_daemon::config::template::<RawConfig>()
    }
}

impl RawConfig {
    fn resolve(self) -> Result<Config, ConfigError> {
        let listen = address("http.listen", &self.http.listen)?;
        if !listen.ip().is_loopback() {
            return Err(ConfigError::Open(listen));
        }
        let receipt_window = self.relay.receipt_window()?;
        let relay = ingest::Options {
            listen: address("relay.listen", &self.relay.listen)?,
            certificate: self.relay.certificate,
            key: self.relay.key,
            ca: self.relay.ca,
            certificate_ca: self.relay.certificate_ca,
        };
        let metrics_listen = self.http.metrics_listen.filter(|text| !text.is_empty());
        let metrics_listen = metrics_listen.map(|text| address("http.metrics_listen", &text)).transpose()?;
        if metrics_listen.is_some_and(|metrics| metrics == listen && metrics.port() != 0) {
            return Err(ConfigError::SameAddress(listen));
        }
        ingest::endpoint::configure(&relay)?;
        let event_store = self.event_store.resolve(&self.data)?;
        let metadata = self.metadata.resolve(&self.data)?;
        let close_after = Duration::from_secs(self.blobs.close_after_seconds);
        let log = self.log.resolve()?;
        Ok(Config {
            metadata,
            live: self.live.resolve()?,
            stale: Duration::from_secs(self.query.stale_seconds.into()),
            derive: self.derive.enabled,
            http: Http { listen, names: self.http.names, metrics_listen },
            relay,
            receipt_window,
            event_store,
            druid: self.druid.resolve(&log)?,
            log,
            blobs: self.blobs.resolve(&self.data)?,
            close_after,
            tag_edge_url: self.tag.edge_url,
            data: self.data,
        })
    }
}

impl RawRelay {
    fn receipt_window(&self) -> Result<ingest::ReceiptWindow, ConfigError> {
        let (days, seconds) = (self.receipt_days_back, self.receipt_seconds_ahead);
        let bounds = |key, range: &std::ops::RangeInclusive<u16>| ConfigError::Range {
            key,
            least: *range.start(),
            most: *range.end(),
        };
        if !RECEIPT_DAYS_BACK.contains(&days) {
            return Err(bounds("relay.receipt_days_back", &RECEIPT_DAYS_BACK));
        }
        if !RECEIPT_SECONDS_AHEAD.contains(&seconds) {
            return Err(bounds("relay.receipt_seconds_ahead", &RECEIPT_SECONDS_AHEAD));
        }
        Ok(ingest::ReceiptWindow::new(days, seconds))
    }
}

impl RawLog {
    fn resolve(self) -> Result<Log, ConfigError> {
        let (max_bytes, segment_bytes) = (self.max_bytes, self.segment_bytes);
        if max_bytes < MIN_LOG_BYTES || segment_bytes == 0 || segment_bytes > max_bytes / 2 {
            return Err(ConfigError::Log(MIN_LOG_BYTES));
        }
        match self.backend.as_str() {
            "embedded" => Ok(Log::Embedded { max_bytes, segment_bytes }),
            "kafka" => self.kafka.resolve().map(Box::new).map(Log::Kafka),
            _ => Err(ConfigError::Backend { key: "log.backend", names: "\"embedded\" or \"kafka\"" }),
        }
    }
}

impl RawEventStore {
    fn resolve(self, data: &Path) -> Result<footfall_clickhouse::Options, ConfigError> {
        for (key, name) in [("database", &self.database), ("user", &self.user)] {
            check_name(key, name)?;
        }
        let password_file = self.password_file.clone().unwrap_or_else(|| data.join("clickhouse.password"));
        let backend = if self.servers.0.is_empty() {
            footfall_clickhouse::Backend::Embedded(self.program(data, &password_file)?)
        } else {
            if !password_file.is_file() {
                return Err(ConfigError::Missing("event_store.password_file", "a file with the password"));
            }
            footfall_clickhouse::Backend::Servers(self.servers()?)
        };
        Ok(footfall_clickhouse::Options { backend, database: self.database, user: self.user, password_file })
    }

    fn program(
        &self,
        data: &Path,
        password_file: &Path,
    ) -> Result<footfall_clickhouse::Program, ConfigError> {
        let listen = address("event_store.listen", &self.listen)?;
        if !listen.ip().is_loopback() {
            return Err(ConfigError::Open(listen));
        }
        let beside = || std::env::current_exe().ok().map(|central| central.with_file_name("event-store"));
        let executable = self.program.clone().or_else(beside).filter(|program| program.is_file());
        let executable =
            executable.ok_or(ConfigError::Missing("event_store.program", "the event-store program"))?;
        if self.library.as_ref().is_some_and(|library| !library.is_file()) {
            return Err(ConfigError::Missing("event_store.library", "libchdb.so"));
        }
        Ok(footfall_clickhouse::Program {
            executable,
            data: data.join("event-store"),
            listen,
            library: self.library.clone(),
            database: self.database.clone(),
            user: self.user.clone(),
            password_file: password_file.to_owned(),
            ready_file: data.join("event-store.json"),
            pid_file: data.join("event-store.pid"),
        })
    }

    fn servers(&self) -> Result<footfall_clickhouse::Servers, ConfigError> {
        let mut seen = BTreeSet::new();
        for text in self.servers.0.iter().flatten() {
            let url = url(text).filter(|_| seen.insert(text.trim_end_matches('/')));
            let url = url.ok_or_else(|| ConfigError::Url(text.clone()))?;
            transport::judge("event_store.servers", "event_store.tls = false", &url, self.tls)?;
        }
        if self.servers.0.iter().any(Vec::is_empty) {
            return Err(ConfigError::EmptyShard);
        }
        let layout = match &self.cluster {
            Some(name) => {
                check_name("cluster", name)?;
                footfall_clickhouse::Layout::Cluster(name.clone())
            }
            None if self.servers.0.iter().any(|replicas| replicas.len() > 1) => {
                return Err(ConfigError::Replicas);
            }
            None => footfall_clickhouse::Layout::Node,
        };
        if self.ca.as_ref().is_some_and(|ca| !ca.is_file()) {
            return Err(ConfigError::Missing("event_store.ca", "a file with certificates"));
        }
        Ok(footfall_clickhouse::Servers { shards: self.servers.0.clone(), ca: self.ca.clone(), layout })
    }
}

/// A URL of a server, which names nobody to log in as.
fn url(text: &str) -> Option<url::Url> {
    url::Url::parse(text).ok().filter(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// Names that need no quotes in SQL.
fn check_name(key: &'static str, name: &str) -> Result<(), ConfigError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.is_empty() || !plain { Err(ConfigError::Name(key)) } else { Ok(()) }
}

impl RawMetadata {
    fn resolve(self, data: &Path) -> Result<footfall_metadata::Location, ConfigError> {
        let server = match (self.backend, self.postgresql) {
            (RawMetadataBackend::Sqlite, _) => return Ok(data.join(METADATA).into()),
            (RawMetadataBackend::Postgresql, server) => server,
        };
        let missing = ConfigError::Missing("metadata.postgresql.password_file", "a file with the password");
        let password_file = server.password_file.filter(|file| file.is_file()).ok_or(missing)?;
        if server.ca.as_ref().is_some_and(|ca| !ca.is_file()) {
            return Err(ConfigError::Missing("metadata.postgresql.ca", "a file with certificates"));
        }
        Ok(footfall_metadata::Location::Postgresql(footfall_metadata::Server {
            host: server.host,
            port: server.port,
            database: server.database,
            user: server.user,
            password_file,
            ca: server.ca,
            tls: server.tls,
        }))
    }
}

impl RawBlobs {
    fn resolve(self, data: &Path) -> Result<footfall_blobs::Location, ConfigError> {
        if !CLOSE_AFTER_SECONDS.contains(&self.close_after_seconds) {
            return Err(ConfigError::CloseAfter);
        }
        match (self.backend.as_str(), self.s3) {
            ("folder", _) => {
                Ok(footfall_blobs::Location::Folder(self.folder.unwrap_or_else(|| data.join("blobs"))))
            }
            ("s3", s3) => s3.resolve().map(footfall_blobs::Location::S3),
            _ => Err(ConfigError::Blobs("blobs.backend is to be \"folder\" or \"s3\"")),
        }
    }
}

impl RawS3 {
    fn resolve(self) -> Result<footfall_blobs::S3, ConfigError> {
        let given = |value: Option<String>| value.unwrap_or_default();
        let (endpoint, bucket, access_key) =
            (given(self.endpoint), given(self.bucket), given(self.access_key));
        let url = url(&endpoint).ok_or(ConfigError::Blobs(
            "blobs.s3.endpoint is to be an http:// or https:// URL without user and password",
        ))?;
        transport::judge("blobs.s3.endpoint", "blobs.s3.tls = false", &url, self.tls)?;
        if bucket.is_empty() || access_key.is_empty() {
            return Err(ConfigError::Blobs("blobs.s3.bucket and blobs.s3.access_key are not to be empty"));
        }
        let missing = ConfigError::Missing("blobs.s3.secret_key_file", "a file with the secret key");
        let secret_key_file = self.secret_key_file.filter(|file| file.is_file()).ok_or(missing)?;
        Ok(footfall_blobs::S3 {
            endpoint,
            region: self.region,
            bucket,
            prefix: self.prefix,
            access_key,
            secret_key_file,
            allow_http: url.scheme() == "http",
        })
    }
}

fn address(key: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| ConfigError::Address { key, text: text.to_owned() })
}

#[cfg(test)]
mod tests;
