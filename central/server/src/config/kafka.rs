//! `[log.kafka]`: as it is written, and made whole. Reads no file.

#![allow(unused_qualifications, reason = "the derive writes the types of fields once more")]

use std::path::PathBuf;
use std::time::Duration;

use confique::Config;

use super::ConfigError;
use footfall_log::CHECKPOINT_BYTES;
use footfall_log::kafka::Options;

/// What the security protocols are called, and the mechanisms by which a user is known.
const SECURITY: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
const MECHANISMS: [&str; 3] = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"];
/// Most partitions: each has readers of its own.
const MAX_PARTITIONS: u32 = 256;

#[derive(Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub(super) struct RawKafka {
    /// Hosts and ports of brokers, separated by commas; needed.
    pub(super) bootstrap: Option<String>,
    /// The topic. Central makes it, with one for checkpoints and one for dead letters beside it.
    #[config(default = "footfall.events")]
    pub(super) topic: String,
    /// Fixed once the topic is there; the number of ClickHouse shards divides it. 1 to 256.
    #[config(default = 8)]
    pub(super) partitions: u32,
    /// Copies of each record. 1 says that a single broker is meant; otherwise min.insync.replicas is to be 2.
    #[config(default = 3)]
    pub(super) replication: u16,
    /// How long Kafka keeps records: a number of days or hours.
    #[config(default = "7d")]
    pub(super) retention: String,
    /// The consumer group of the centrals that share the topic.
    #[config(default = "footfall-central")]
    pub(super) group: String,
    /// "PLAINTEXT", "SSL", "SASL_PLAINTEXT" or "SASL_SSL". Those without SSL speak in the clear: only where nobody can listen.
    #[config(default = "SASL_SSL")]
    pub(super) security: String,
    /// "SCRAM-SHA-512", "SCRAM-SHA-256" or "PLAIN".
    #[config(default = "SCRAM-SHA-512")]
    pub(super) mechanism: String,
    /// Needed for SASL.
    #[config(default = "")]
    pub(super) user: String,
    /// The file with the user's password; needed for SASL.
    pub(super) password_file: Option<PathBuf>,
    /// Certificates of the authority that vouches for the brokers, PEM.
    pub(super) ca: Option<PathBuf>,
}

impl RawKafka {
    pub(super) fn resolve(self) -> Result<Options, ConfigError> {
        let bootstrap = self.bootstrap.filter(|brokers| !brokers.is_empty());
        let bootstrap =
            bootstrap.ok_or(ConfigError::Missing("log.kafka.bootstrap", "host and port of a broker"))?;
        if !SECURITY.contains(&self.security.as_str()) {
            return Err(ConfigError::Kafka("security is to be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"));
        }
        if !MECHANISMS.contains(&self.mechanism.as_str()) {
            return Err(ConfigError::Kafka("mechanism is to be SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"));
        }
        if self.partitions == 0 || self.partitions > MAX_PARTITIONS || self.replication == 0 {
            return Err(ConfigError::Kafka(
                "partitions is to be between 1 and 256, and replication at least 1",
            ));
        }
        let retention = duration(&self.retention)
            .ok_or(ConfigError::Kafka("retention is to be a number of days or hours, such as 7d or 36h"))?;
        let user = if self.security.starts_with("SASL") {
            let file = self.password_file.filter(|file| file.is_file() && !self.user.is_empty());
            let file = file.ok_or(ConfigError::Missing(
                "log.kafka.password_file",
                "a user, and a file with the password,",
            ))?;
            Some((self.user, file))
        } else {
            None
        };
        if self.ca.as_ref().is_some_and(|ca| !ca.is_file()) {
            return Err(ConfigError::Missing("log.kafka.ca", "the authority's certificate"));
        }
        Ok(Options {
            bootstrap,
            topic: self.topic,
            partitions: self.partitions,
            replication: self.replication,
            retention,
            group: self.group,
            security: self.security,
            mechanism: self.mechanism,
            user,
            ca: self.ca,
            checkpoint_bytes: CHECKPOINT_BYTES,
        })
    }
}

/// A number of days or hours.
fn duration(text: &str) -> Option<Duration> {
    let (number, hours) = text
        .strip_suffix('d')
        .map(|days| (days, 24))
        .or_else(|| text.strip_suffix('h').map(|hours| (hours, 1)))?;
    let number = number.parse::<u32>().ok().filter(|number| (1..=3_650).contains(number))?;
    Some(Duration::from_secs(u64::from(number) * hours * 3_600))
}

#[cfg(test)]
mod tests {
    use super::*;
    use confique::Layer as _;

    fn raw() -> RawKafka {
        let defaults = <RawKafka as Config>::Layer::default_values();
        let raw = RawKafka::from_layer(defaults).expect("everything has a default");
        RawKafka { bootstrap: Some("k:9092".into()), security: "PLAINTEXT".into(), ..raw }
    }

    #[test]
    fn a_user_needs_a_password_and_every_word_is_checked() {
        assert_eq!(raw().resolve().expect("whole").retention, Duration::from_hours(168));
        for mistaken in [
            RawKafka { bootstrap: None, ..raw() },
            RawKafka { security: "TLS".into(), ..raw() },
            RawKafka { security: "SASL_SSL".into(), user: "footfall".into(), ..raw() },
            RawKafka { mechanism: "SCRAM".into(), ..raw() },
            RawKafka { partitions: 0, ..raw() },
            RawKafka { retention: "a week".into(), ..raw() },
            RawKafka { ca: Some("/nowhere".into()), ..raw() },
        ] {
            let sentence = mistaken.resolve().expect_err("refused").to_string();
            assert!(sentence.contains("log.kafka"), "{sentence}");
        }
    }

    #[test]
    fn a_retention_is_days_or_hours() {
        assert_eq!(duration("36h"), Some(Duration::from_hours(36)));
        for mistaken in ["", "d", "0d", "7", "-1d", "99999d", "7w"] {
            assert_eq!(duration(mistaken), None);
        }
    }
}
