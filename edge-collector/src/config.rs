//! Configuration: what the file and the environment say ([`Raw`]), and what the rooms get ([`Config`]). Binds nothing.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use footfall_proto::limits::MAX_BATCH_BYTES;
use ipnet::IpNet;
use serde::Deserialize;

use crate::config::environment::overlay;

mod environment;
mod error;

pub use error::ConfigError;

/// A journal holds at least two of the largest records.
const LEAST_JOURNAL_BYTES: u64 = 2 * MAX_BATCH_BYTES as u64;

/// The file as it was written, every key optional; an unknown key is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    data: Option<PathBuf>,
    http: RawHttp,
    central: RawCentral,
    journal: RawJournal,
    beacon: RawBeacon,
    geo: RawGeo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawHttp {
    listen: Option<String>,
    workers: Option<usize>,
    max_connections: Option<usize>,
    admin_networks: Option<Vec<String>>,
    trusted_proxies: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawCentral {
    address: Option<String>,
    server_name: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawJournal {
    max_bytes: Option<u64>,
    segment_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawBeacon {
    assets: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawGeo {
    databases: Option<Vec<PathBuf>>,
    private_as: Option<String>,
}

/// Everything an edge needs to start, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Holds `journal/`, `policy.bin`, `position` and the day's salts.
    pub data: PathBuf,
    /// The HTTP face.
    pub http: Http,
    /// Where events go; `None` only in tests that need no central.
    pub central: Option<Central>,
    /// Bounds of the journal.
    pub journal: Journal,
    /// Folder with `footfall.js` and `footfall.wasm`; without it those paths answer 404.
    pub assets: Option<PathBuf>,
    /// Geography databases.
    pub geo: Geo,
}

/// How the edge is reached.
#[derive(Debug, Clone)]
pub struct Http {
    /// Address to bind.
    pub listen: SocketAddr,
    /// Threads that serve HTTP, each with its own event loop.
    pub workers: usize,
    /// Open connections at most; more wait in the kernel's queue. An idle one costs about 12 KB.
    pub max_connections: usize,
    /// Who may read health, readiness and metrics.
    pub admin_networks: Vec<IpNet>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// How central is reached and recognised.
#[derive(Debug, Clone)]
pub struct Central {
    /// `host:port`, looked up again at every connection.
    pub address: String,
    /// The name that central's certificate must carry.
    pub server_name: String,
    /// The edge's certificate chain, PEM; its common name is the edge's id.
    pub certificate: PathBuf,
    /// The key of that certificate, PEM.
    pub key: PathBuf,
    /// The authority that central's certificate must come from, PEM.
    pub ca: PathBuf,
}

/// Bounds of the journal.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Unacknowledged bytes at most; past it the edge answers 503.
    pub max_bytes: u64,
    /// Size of a segment file, bytes.
    pub segment_bytes: u64,
}

/// Geography databases.
#[derive(Debug, Clone, Default)]
pub struct Geo {
    /// MaxMind files, asked in this order.
    pub databases: Vec<PathBuf>,
    /// Looks private and loopback addresses up as this one: for demonstrations.
    pub private_as: Option<IpAddr>,
}

impl Config {
    /// Reads `path` and lays `FOOTFALL_…` variables over it.
    ///
    /// # Errors
    /// [`ConfigError`], whose text is one sentence for a person.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, std::env::vars())
    }

    /// The same from text and variables that the caller brings.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| ConfigError::syntax(&error))?;
        overlay(&mut table, variables)?;
        let raw = Raw::deserialize(table).map_err(|error| ConfigError::syntax(&error))?;
        raw.resolve()
    }
}

impl Raw {
    fn resolve(self) -> Result<Config, ConfigError> {
        let data = required(self.data, "data")?;
        let http = self.http.resolve()?;
        let central = self.central.resolve()?;
        let geo = self.geo.resolve()?;
        let journal = self.journal.resolve()?;
        if let Some(folder) = &self.beacon.assets {
            present("beacon.assets", &folder.join("footfall.js"))?;
        }
        Ok(Config { data, http, central: Some(central), journal, assets: self.beacon.assets, geo })
    }
}

impl RawHttp {
    fn resolve(self) -> Result<Http, ConfigError> {
        let listen = self.listen.unwrap_or_else(|| "127.0.0.1:8080".into());
        let workers = self.workers.unwrap_or(1);
        let max_connections = self.max_connections.unwrap_or(16_384);
        let loopback = || vec!["127.0.0.0/8".into(), "::1/128".into()];
        Ok(Http {
            listen: listen
                .parse()
                .map_err(|_| ConfigError::value("http.listen", &listen, "an address like 127.0.0.1:8080"))?,
            workers: within("http.workers", workers as u64, 1, 64)? as usize,
            max_connections: within("http.max_connections", max_connections as u64, 1, 1_000_000)? as usize,
            admin_networks: networks("http.admin_networks", &self.admin_networks.unwrap_or_else(loopback))?,
            trusted_proxies: networks("http.trusted_proxies", &self.trusted_proxies.unwrap_or_default())?,
        })
    }
}

impl RawCentral {
    fn resolve(self) -> Result<Central, ConfigError> {
        let central = Central {
            address: required(self.address, "central.address")?,
            server_name: required(self.server_name, "central.server_name")?,
            certificate: required(self.certificate, "central.certificate")?,
            key: required(self.key, "central.key")?,
            ca: required(self.ca, "central.ca")?,
        };
        if !central
            .address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        {
            return Err(ConfigError::value("central.address", &central.address, "host:port"));
        }
        for (key, path) in [
            ("central.certificate", &central.certificate),
            ("central.key", &central.key),
            ("central.ca", &central.ca),
        ] {
            present(key, path)?;
        }
        Ok(central)
    }
}

impl RawJournal {
    fn resolve(self) -> Result<Journal, ConfigError> {
        let segment_bytes = self.segment_bytes.unwrap_or(64 << 20);
        let max_bytes = self.max_bytes.unwrap_or(4 << 30);
        within("journal.segment_bytes", segment_bytes, 64 << 10, 4 << 30)?;
        within("journal.max_bytes", max_bytes, segment_bytes.max(LEAST_JOURNAL_BYTES), i64::MAX as u64)?;
        Ok(Journal { max_bytes, segment_bytes })
    }
}

impl RawGeo {
    fn resolve(self) -> Result<Geo, ConfigError> {
        let databases = self.databases.unwrap_or_default();
        for path in &databases {
            present("geo.databases", path)?;
        }
        let private_as = match self.private_as.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                Some(text.parse().map_err(|_| ConfigError::value("geo.private_as", &text, "an IP address"))?)
            }
        };
        Ok(Geo { databases, private_as })
    }
}

fn required<T>(value: Option<T>, key: &'static str) -> Result<T, ConfigError> {
    value.ok_or(ConfigError::Missing { key })
}

fn present(key: &'static str, path: &Path) -> Result<(), ConfigError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        _ => Err(ConfigError::NoFile { key, path: path.to_owned() }),
    }
}

fn within(key: &'static str, value: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::Range { key, value, least, most })
    }
}

fn networks(key: &'static str, texts: &[String]) -> Result<Vec<IpNet>, ConfigError> {
    texts
        .iter()
        .map(|text| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| ConfigError::value(key, text, "a network like 10.0.0.0/8"))
        })
        .collect()
}

#[cfg(test)]
mod tests;
