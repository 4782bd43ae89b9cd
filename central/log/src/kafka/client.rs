//! How every client of Kafka is set up, and how its errors are told: one sentence that names the server and what to do. Sends and reads
//! nothing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use footfall_daemon::secret::Secret;

/// How long Kafka may take to answer a question.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Which Kafka, which topic, and as whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host and port of some brokers, comma-separated.
    pub bootstrap: String,
    /// The topic of the log; beside it are `….dead-letter` and `….checkpoints`.
    pub topic: String,
    /// How many partitions the topic has, from its creation on.
    pub partitions: u32,
    /// How many brokers have each record; 1 is told to be no production.
    pub replication: u16,
    /// How long records stay.
    pub retention: Duration,
    /// The consumer group that all centrals are in.
    pub group: String,
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub security: String,
    /// `SCRAM-SHA-256`, `SCRAM-SHA-512` or `PLAIN`, where there is a user.
    pub mechanism: String,
    /// Who central is to Kafka, and the file with the password; read for every client.
    pub user: Option<(String, PathBuf)>,
    /// The authority that signed the brokers' certificates; the system's when missing.
    pub ca: Option<PathBuf>,
    /// A checkpoint of each partition is written after this many bytes; [`CHECKPOINT_BYTES`](crate::CHECKPOINT_BYTES) outside tests.
    pub checkpoint_bytes: u64,
}

impl Options {
    /// What all clients have in common, the password as it is now.
    pub(super) fn client(&self) -> io::Result<ClientConfig> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "footfall-central")
            .set("security.protocol", &self.security)
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "1000");
        if let (Some((user, _)), Some(password)) = (&self.user, self.password()?) {
            config.set("sasl.mechanism", &self.mechanism).set("sasl.username", user);
            config.set("sasl.password", password.reveal());
        }
        if let Some(ca) = &self.ca {
            config.set("ssl.ca.location", ca.display().to_string());
        }
        Ok(config)
    }

    /// The password as it is now, where there is a user.
    pub(super) fn password(&self) -> io::Result<Option<Secret>> {
        let Some((_, file)) = &self.user else { return Ok(None) };
        let password = Secret::read(file).map_err(|error| {
            let (server, file) = (&self.bootstrap, file.display());
            io::Error::other(format!("the password of Kafka at {server} cannot be read from {file}: {error}"))
        })?;
        Ok(Some(password))
    }

    /// The topic of a purpose of its own beside the log's.
    pub(super) fn related_topic(&self, purpose: &str) -> String {
        let stem = self.topic.rsplit_once('.').map_or(self.topic.as_str(), |(stem, _)| stem);
        format!("{stem}.{purpose}")
    }

    /// Something that Kafka said, as one sentence that names it and says what to do.
    pub(super) fn sentence(&self, code: Option<RDKafkaErrorCode>, reason: &str) -> String {
        let (server, user) = (&self.bootstrap, self.user.as_ref().map_or("", |(user, _)| user.as_str()));
        let reason = reason.split('\n').next().unwrap_or_default();
        match code {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                format!(
                    "Kafka at {server} refuses the user \"{user}\": correct log.kafka.user, password_file or mechanism ({reason})"
                )
            }
            Some(RDKafkaErrorCode::SSL) => {
                format!(
                    "Kafka at {server} cannot be spoken to over TLS: correct log.kafka.security or log.kafka.ca ({reason})"
                )
            }
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => format!(
                "Kafka at {server} does not let the user \"{user}\" do this: grant it the topics and the group ({reason})"
            ),
            _ => format!(
                "Kafka at {server} does not answer: see that it runs and that log.kafka.bootstrap is right; edges keep their records ({reason})"
            ),
        }
    }

    /// An error of a client as an error of reading.
    pub(super) fn failed(&self, error: &KafkaError) -> io::Error {
        io::Error::other(self.sentence(error.rdkafka_error_code(), &error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn options() -> Options {
        Options {
            bootstrap: "kafka.example:9092".into(),
            topic: "footfall.events".into(),
            partitions: 8,
            replication: 3,
            retention: Duration::from_hours(168),
            group: "footfall-central".into(),
            security: "SASL_SSL".into(),
            mechanism: "SCRAM-SHA-512".into(),
            user: Some(("footfall".into(), "/etc/footfall/kafka.password".into())),
            ca: None,
            checkpoint_bytes: crate::CHECKPOINT_BYTES,
        }
    }

    #[test]
    fn a_sentence_names_the_server_and_what_to_do() {
        let options = options();
        let refused = options.sentence(Some(RDKafkaErrorCode::Authentication), "invalid credentials\nmore");
        assert!(refused.contains("kafka.example:9092") && refused.contains("password_file"), "{refused}");
        assert!(!refused.contains('\n'));
        assert!(options.sentence(None, "timed out").contains("log.kafka.bootstrap"));
    }

    #[test]
    fn a_password_that_cannot_be_read_is_told_with_its_file() {
        let sentence = options().client().expect_err("no such file").to_string();
        assert!(sentence.contains("kafka.example:9092") && sentence.contains("/etc/footfall/kafka.password"));
    }

    #[test]
    fn other_topics_stand_beside_the_logs() {
        assert_eq!(options().related_topic("dead-letter"), "footfall.dead-letter");
        let plain = Options { topic: "events".into(), ..options() };
        assert_eq!(plain.related_topic("dead-letter"), "events.dead-letter");
    }
}
