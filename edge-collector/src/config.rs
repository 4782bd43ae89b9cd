//! Configuration: what the file and the environment say ([`raw`]), and what the rooms get ([`Config`]). Binds nothing.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use footfall_daemon::certificate::files::{Files, Named};
use footfall_daemon::config;
use footfall_proto::limits::MAX_BATCH_BYTES;
use ipnet::IpNet;

use raw::{Raw, RawCentral, RawGeo, RawHealth, RawHttp, RawJournal};

mod error;
mod raw;

pub use error::ConfigError;

/// A journal holds at least two of the largest records.
const LEAST_JOURNAL_BYTES: u64 = 2 * MAX_BATCH_BYTES as u64;

/// The address of what is not served.
const OFF: &str = "off";

/// Variables of central, which may run with the same environment.
const OTHERS: &[&str] = &[
    "FOOTFALL_BLOBS_",
    "FOOTFALL_EVENT_STORE_",
    "FOOTFALL_HTTP_METRICS_LISTEN",
    "FOOTFALL_HTTP_NAMES",
    "FOOTFALL_LIVE_",
    "FOOTFALL_LOG_",
    "FOOTFALL_METADATA_",
    "FOOTFALL_QUERY_",
    "FOOTFALL_RELAY_",
    "FOOTFALL_TAG_",
];

/// Everything an edge needs to start, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Holds `journal/`, `policy.bin`, `position` and the day's salts.
    pub data: PathBuf,
    /// The HTTP face.
    pub http: Http,
    /// Where the operator asks; `None` where nobody may.
    pub health: Option<Health>,
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
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// How health, readiness and metrics are reached.
#[derive(Debug, Clone)]
pub struct Health {
    /// Address to bind.
    pub listen: SocketAddr,
    /// Host names that are answered beside this machine's own.
    pub names: Vec<String>,
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
    /// The authority of the edge's own certificate, PEM, where it is another.
    pub certificate_ca: Option<PathBuf>,
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
        config::load::<Raw>(path, OTHERS)?.resolve()
    }

    /// The same from text and variables that the caller brings.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        config::read::<Raw>(text, variables, OTHERS)?.resolve()
    }

    /// Every key with what it is for and its default, as a TOML file.
    #[must_use]
    pub fn template() -> String {
        config::template::<Raw>()
    }
}

impl Central {
    /// The files that prove who this edge is, with the keys that name them.
    #[must_use]
    pub fn files(&self) -> Files {
        let authority = match &self.certificate_ca {
            Some(path) => Named::new("central.certificate_ca", path),
            None => Named::new("central.ca", &self.ca),
        };
        Files {
            certificate: Named::new("central.certificate", &self.certificate),
            key: Named::new("central.key", &self.key),
            authority,
        }
    }
}

impl Raw {
    fn resolve(self) -> Result<Config, ConfigError> {
        let http = self.http.resolve()?;
        let health = self.health.resolve(&http)?;
        let central = self.central.resolve()?;
        let geo = self.geo.resolve()?;
        let journal = self.journal.resolve()?;
        if let Some(folder) = &self.beacon.assets {
            present("beacon.assets", &folder.join("footfall.js"))?;
        }
        let assets = self.beacon.assets;
        Ok(Config { data: self.data, http, health, central: Some(central), journal, assets, geo })
    }
}

impl RawHttp {
    fn resolve(self) -> Result<Http, ConfigError> {
        Ok(Http {
            listen: self.listen.parse().map_err(|_| {
                ConfigError::value("http.listen", &self.listen, "an address like 127.0.0.1:8080")
            })?,
            workers: within("http.workers", self.workers, 1, 64)? as usize,
            max_connections: within("http.max_connections", self.max_connections, 1, 1_000_000)? as usize,
            trusted_proxies: networks("http.trusted_proxies", &self.trusted_proxies)?,
        })
    }
}

impl RawHealth {
    fn resolve(self, http: &Http) -> Result<Option<Health>, ConfigError> {
        if self.listen == OFF {
            return Ok(None);
        }
        let Ok(listen) = self.listen.parse::<SocketAddr>() else {
            let expected = "an address like 127.0.0.1:8083, or \"off\"";
            return Err(ConfigError::value("health.listen", &self.listen, expected));
        };
        if listen == http.listen && listen.port() != 0 {
            return Err(ConfigError::value(
                "health.listen",
                &self.listen,
                "another address than `http.listen`",
            ));
        }
        Ok(Some(Health { listen, names: self.names }))
    }
}

impl RawCentral {
    fn resolve(self) -> Result<Central, ConfigError> {
        let Self { address, server_name, certificate, key, ca, certificate_ca } = self;
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
        if port.is_none_or(|port| port.parse::<u16>().is_err()) {
            return Err(ConfigError::value("central.address", &address, "host:port"));
        }
        for (name, path) in
            [("central.certificate", &certificate), ("central.key", &key), ("central.ca", &ca)]
        {
            present(name, path)?;
        }
        if let Some(path) = &certificate_ca {
            present("central.certificate_ca", path)?;
        }
        if rustls::pki_types::ServerName::try_from(server_name.as_str()).is_err() {
            return Err(ConfigError::value(
                "central.server_name",
                &server_name,
                "a host name or an IP address",
            ));
        }
        Ok(Central { address, server_name, certificate, key, ca, certificate_ca })
    }
}

impl RawJournal {
    fn resolve(self) -> Result<Journal, ConfigError> {
        let Self { max_bytes, segment_bytes } = self;
        within("journal.segment_bytes", segment_bytes, 64 << 10, 4 << 30)?;
        within("journal.max_bytes", max_bytes, segment_bytes.max(LEAST_JOURNAL_BYTES), i64::MAX as u64)?;
        Ok(Journal { max_bytes, segment_bytes })
    }
}

impl RawGeo {
    fn resolve(self) -> Result<Geo, ConfigError> {
        for path in &self.databases {
            present("geo.databases", path)?;
        }
        let private_as = match self.private_as.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                Some(text.parse().map_err(|_| ConfigError::value("geo.private_as", &text, "an IP address"))?)
            }
        };
        Ok(Geo { databases: self.databases, private_as })
    }
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
