//! `[druid]`: as it is written, and made whole. Reads one file: how Druid itself reaches Kafka, which may hold a password.

#![allow(unused_qualifications, reason = "the derive writes the types of fields once more")]

use std::path::{Path, PathBuf};

use confique::Config;

use super::{ConfigError, Log, transport, url};
use footfall_daemon::secret::Secret;
use footfall_druid::{Ingestion, Options};

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawDruid {
    /// Whether rows are written for Druid and its ingestion is kept and watched. Needs log.backend = "kafka".
    #[config(default = false)]
    pub(super) enabled: bool,
    /// URL of its coordinator, or of a router.
    #[config(default = "http://127.0.0.1:8081")]
    pub(super) coordinator: String,
    /// URL of its broker, or of a router.
    #[config(default = "http://127.0.0.1:8082")]
    pub(super) broker: String,
    /// Who central is to Druid, where Druid wants to know.
    pub(super) user: Option<String>,
    /// The file with that user's password.
    pub(super) password_file: Option<PathBuf>,
    /// Certificates of the authority that vouches for Druid, PEM.
    pub(super) ca: Option<PathBuf>,
    /// false lets http:// URLs of other machines be: only where nobody can listen.
    #[config(default = true)]
    pub(super) tls: bool,
    /// The data source. It is given a supervisor of the same name.
    #[config(default = "page_views")]
    pub(super) data_source: String,
    /// The topic of the rows. Central makes it, with one of positions beside it.
    #[config(default = "page_views")]
    pub(super) topic: String,
    /// The file that says how Druid itself reaches Kafka, a `name=value` a line as Java's clients have it: bootstrap.servers, and how to log in.
    /// Nobody but its owner may read it.
    pub(super) consumer_file: Option<PathBuf>,
    /// Tasks of Druid that read at a time. 1 to 256.
    #[config(default = 1)]
    pub(super) tasks: u16,
    /// Historical servers: no segment is kept by more of them. 1 to 256.
    #[config(default = 1)]
    pub(super) servers: u16,
}

/// Druid, as it is used.
#[derive(Clone, Debug)]
pub struct Druid {
    /// Where it is.
    pub connection: Options,
    /// What it is to read.
    pub ingestion: Ingestion,
    /// How many servers keep its segments.
    pub servers: u32,
    /// The Kafka that the rows are written to: the log's.
    pub kafka: footfall_log::kafka::Options,
    /// The files with passwords, and the keys that name them.
    pub secrets: Vec<(&'static str, PathBuf)>,
}

/// Most tasks, and most servers.
const MOST: u16 = 256;

impl RawDruid {
    pub(super) fn resolve(self, log: &Log) -> Result<Option<Druid>, ConfigError> {
        if !self.enabled {
            return Ok(None);
        }
        let Log::Kafka(kafka) = log else {
            return Err(ConfigError::Druid(
                "enabled = true needs log.backend = \"kafka\": Druid reads from Kafka",
            ));
        };
        for (key, text) in [("druid.coordinator", &self.coordinator), ("druid.broker", &self.broker)] {
            let url = url(text).ok_or(ConfigError::Druid(
                "coordinator and druid.broker are to be http:// or https:// URLs without user and password",
            ))?;
            transport::judge(key, "druid.tls = false", &url, self.tls)?;
        }
        for (key, number) in [("druid.tasks", self.tasks), ("druid.servers", self.servers)] {
            if !(1..=MOST).contains(&number) {
                return Err(ConfigError::Range { key, least: 1, most: MOST });
            }
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if self.data_source.is_empty() || !self.data_source.bytes().all(plain) {
            return Err(ConfigError::Druid("data_source is to be made of letters, digits, _, - and ."));
        }
        if self.topic.is_empty() || self.topic == kafka.topic {
            return Err(ConfigError::Druid("topic is to be a topic of its own"));
        }
        let missing = |key| ConfigError::Missing(key, "a file with the password");
        let user = match (self.user, self.password_file) {
            (Some(user), Some(file)) if file.is_file() => Some((user, file)),
            (Some(_), _) => return Err(missing("druid.password_file")),
            (None, _) => None,
        };
        if self.ca.as_ref().is_some_and(|ca| !ca.is_file()) {
            return Err(ConfigError::Missing("druid.ca", "a file with certificates"));
        }
        let file = self.consumer_file.filter(|file| file.is_file());
        let file = file.ok_or(ConfigError::Missing("druid.consumer_file", "how Druid reaches Kafka"))?;
        let consumer = consumer(&file)?;
        let mut secrets: Vec<_> =
            user.iter().map(|(_, file)| ("druid.password_file", file.clone())).collect();
        secrets.push(("druid.consumer_file", file));
        let (coordinator, broker, data_source) = (self.coordinator, self.broker, self.data_source);
        let connection = Options { coordinator, broker, data_source, user, ca_file: self.ca };
        let ingestion = Ingestion { topic: self.topic, kafka: consumer, tasks: self.tasks.into() };
        let (servers, kafka) = (self.servers.into(), (**kafka).clone());
        Ok(Some(Druid { connection, ingestion, servers, kafka, secrets }))
    }
}

/// What the file of Druid's consumer says.
fn consumer(file: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let text =
        Secret::read(file).map_err(|source| ConfigError::DruidConsumer { path: file.to_owned(), source })?;
    let settings = properties(text.reveal());
    let settings = settings.filter(|settings| settings.iter().any(|(name, _)| name == "bootstrap.servers"));
    settings.ok_or(ConfigError::Druid(
        "consumer_file is to hold a name=value a line, bootstrap.servers among them",
    ))
}

/// Lines of `name=value`; empty ones and those that begin with `#` say nothing. Pure.
fn properties(text: &str) -> Option<Vec<(String, String)>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    lines.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_names_and_values() {
        let text = "# how Druid logs in\n\nbootstrap.servers = k:9092\nsasl.jaas.config=a b=\"c\";\n";
        let pairs = properties(text).expect("properties");
        assert_eq!(pairs[0], ("bootstrap.servers".to_owned(), "k:9092".to_owned()));
        assert_eq!(pairs[1], ("sasl.jaas.config".to_owned(), "a b=\"c\";".to_owned()));
        assert_eq!(properties("bootstrap.servers k:9092"), None);
    }
}
