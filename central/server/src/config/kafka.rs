//! `[log.kafka]`: as it is written, and made whole. Reads no file.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use footfall_log::CHECKPOINT_BYTES;
use footfall_log::kafka::Options;

/// What the security protocols are called, and the mechanisms by which a user is known.
const SECURITY: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
const MECHANISMS: [&str; 3] = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"];
/// Most partitions: each has readers of its own.
const MAX_PARTITIONS: u32 = 256;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawKafka {
    pub(super) bootstrap: String,
    pub(super) topic: String,
    pub(super) partitions: u32,
    pub(super) replication: u16,
    pub(super) retention: String,
    pub(super) group: String,
    pub(super) security: String,
    pub(super) mechanism: String,
    pub(super) user: String,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
}

impl Default for RawKafka {
    fn default() -> Self {
        Self {
            bootstrap: String::new(),
            topic: "footfall.events".into(),
            partitions: 8,
            replication: 3,
            retention: "7d".into(),
            group: "footfall-central".into(),
            security: "SASL_SSL".into(),
            mechanism: "SCRAM-SHA-512".into(),
            user: String::new(),
            password_file: None,
            ca: None,
        }
    }
}

impl RawKafka {
    pub(super) fn resolve(self) -> Result<Options, ConfigError> {
        if self.bootstrap.is_empty() {
            return Err(ConfigError::Missing("log.kafka.bootstrap", "host and port of a broker"));
        }
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
            bootstrap: self.bootstrap,
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

    fn raw() -> RawKafka {
        RawKafka { bootstrap: "k:9092".into(), security: "PLAINTEXT".into(), ..RawKafka::default() }
    }

    #[test]
    fn a_user_needs_a_password_and_every_word_is_checked() {
        assert_eq!(raw().resolve().expect("whole").retention, Duration::from_hours(168));
        for mistaken in [
            RawKafka { bootstrap: String::new(), ..raw() },
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
