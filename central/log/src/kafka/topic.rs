//! The topics: made where they are missing, and seen to be what the log needs. Reads and writes no record.
//!
//! The log's identity is a random number in `delete.retention.ms`, which means nothing for a topic that is not compacted: it is made
//! with the topic and dies with it, so a topic that was made again is another log. With the cluster's id it is the incarnation.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use sha2::{Digest as _, Sha256};

use super::client::{Options, PATIENCE, Voice};
use crate::Incarnation;

/// Where the random number stands.
const NAME: &str = "delete.retention.ms";
/// What stands there when nobody named the topic: smaller numbers are no names.
const SMALLEST_NAME: u64 = 1 << 50;
/// Largest record that the topic takes, bytes: every batch of an edge fits, so every record does.
const MAX_MESSAGE_BYTES: u32 = 5 << 20;
/// What stays of checkpoints in each partition, and of parked things, bytes.
const CHECKPOINTS_BYTES: u64 = 512 << 20;
const DEAD_LETTER_BYTES: u64 = 256 << 20;
/// How long to listen for the reason of an error.
const HEARING: Duration = Duration::from_millis(500);
/// A segment of these topics, bytes: what is kept is a multiple of it.
const SEGMENT_BYTES: u32 = 64 << 20;

/// What the topic was seen to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) incarnation: Incarnation,
    /// Largest message that it takes, bytes.
    pub(super) max_message_bytes: usize,
    /// What keeps it from being as durable as it should, in sentences.
    pub(super) doubts: Vec<String>,
}

/// Asks about topics and makes them.
#[derive(Clone)]
pub(super) struct Topics {
    admin: Arc<AdminClient<Voice>>,
    /// Asks as well, and hears what goes wrong: an admin client does not.
    asker: Arc<BaseConsumer<Voice>>,
    voice: Voice,
    options: Arc<Options>,
}

impl Topics {
    pub(super) fn new(options: Arc<Options>, voice: Voice) -> Result<Self, TopicError> {
        let setting = |error: KafkaError| TopicError::Setting(options.bootstrap.clone(), error.to_string());
        let client = options.client().map_err(|error| TopicError::Kafka(error.to_string()))?;
        let admin: AdminClient<Voice> = client.create_with_context(voice.clone()).map_err(setting)?;
        let asker: BaseConsumer<Voice> = client.create_with_context(voice.clone()).map_err(setting)?;
        Ok(Self { admin: Arc::new(admin), asker: Arc::new(asker), voice, options })
    }

    /// The log's topic as it is; the missing ones are made first.
    pub(super) async fn establish(&self) -> Result<Topic, TopicError> {
        let partitions = self.options.partitions;
        let [log, checkpoints, dead_letter] = self.counts().await?;
        let retention = self.options.retention.as_millis().to_string();
        let in_sync = if self.options.replication > 1 { "2" } else { "1" };
        let common = [("min.insync.replicas", in_sync), ("unclean.leader.election.enable", "false")];
        if log.is_none() {
            let (name, bytes) = (random_name()?.to_string(), MAX_MESSAGE_BYTES.to_string());
            let own = [(NAME, name.as_str()), ("retention.ms", &retention), ("max.message.bytes", &bytes)];
            self.make(&self.options.topic, partitions, common.iter().chain(&own)).await?;
        }
        let segment = SEGMENT_BYTES.to_string();
        let sized = |bytes: u64| [bytes.to_string(), segment.clone()];
        for (name, partitions, [kept, segment]) in [
            // Beside each partition's checkpoints stands the list of them.
            ("checkpoints", partitions * 2, sized(CHECKPOINTS_BYTES)),
            ("dead-letter", 1, sized(DEAD_LETTER_BYTES)),
        ] {
            let count = if name == "checkpoints" { checkpoints } else { dead_letter };
            let topic = self.options.beside(name);
            match count {
                None => {
                    let own =
                        [("retention.ms", "-1"), ("retention.bytes", &kept), ("segment.bytes", &segment)];
                    self.make(&topic, partitions, common.iter().chain(&own)).await?;
                }
                Some(count) if count < partitions => {
                    return Err(self.wrong_count(topic, count, partitions));
                }
                Some(_) => {}
            }
        }
        self.inspect().await
    }

    /// The log's topic as it is.
    pub(super) async fn inspect(&self) -> Result<Topic, TopicError> {
        let [count, ..] = self.counts().await?;
        let topic = &self.options.topic;
        let count = count.ok_or_else(|| TopicError::Missing(self.server(), topic.clone()))?;
        if count != self.options.partitions {
            return Err(self.wrong_count(topic.clone(), count, self.options.partitions));
        }
        let asked = [ResourceSpecifier::Topic(topic)];
        let described =
            self.admin.describe_configs(&asked, &AdminOptions::new().request_timeout(Some(PATIENCE)));
        let described = match described.await {
            Ok(described) => described,
            Err(error) => return Err(self.unanswered(error).await),
        };
        let described = described.into_iter().next().unwrap_or(Err(Code::Fail));
        let settings = described
            .map_err(|code| TopicError::Kafka(self.options.sentence(Some(code), &code.to_string())))?;
        let setting =
            |name: &str| settings.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
        let name: u64 = setting(NAME).parse().unwrap_or_default();
        if name < SMALLEST_NAME {
            return Err(TopicError::Unnamed(self.server(), topic.clone()));
        }
        let cluster = self.ask(|asker| asker.client().fetch_cluster_id(PATIENCE)).await;
        let cluster =
            cluster.ok_or_else(|| TopicError::Kafka(self.options.sentence(None, "no cluster id")))?;
        Ok(Topic {
            incarnation: incarnation(&cluster, topic, name),
            max_message_bytes: setting("max.message.bytes").parse().unwrap_or(1 << 20),
            doubts: self.doubts(&setting("min.insync.replicas"), &setting("unclean.leader.election.enable")),
        })
    }

    /// What is wrong with the topic's durability. One broker is enough for who asked for one.
    fn doubts(&self, in_sync: &str, unclean: &str) -> Vec<String> {
        let mut doubts = Vec::new();
        let (server, topic) = (&self.options.bootstrap, &self.options.topic);
        if self.options.replication > 1 && in_sync.parse::<u32>().unwrap_or_default() < 2 {
            doubts.push(format!(
                "topic {topic} of Kafka at {server} acknowledges what a single broker has: set its min.insync.replicas to 2, \
                 or log.kafka.replication = 1 if that is meant"
            ));
        }
        if unclean != "false" {
            doubts.push(format!(
                "topic {topic} of Kafka at {server} may forget what it acknowledged: set its unclean.leader.election.enable to false"
            ));
        }
        doubts
    }

    /// How many partitions the log's, the checkpoints' and the dead letters' topics have; nothing of one that is missing.
    async fn counts(&self) -> Result<[Option<u32>; 3], TopicError> {
        // Of all topics: to ask for one could make it, with settings that nobody chose.
        let metadata = self.ask(|asker| asker.fetch_metadata(None, PATIENCE)).await;
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(error) => return Err(self.unanswered(error).await),
        };
        let count = |name: &str| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == name)?;
            Some(topic.partitions().len() as u32).filter(|count| *count > 0)
        };
        Ok([
            count(&self.options.topic),
            count(&self.options.beside("checkpoints")),
            count(&self.options.beside("dead-letter")),
        ])
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Voice>) -> T + Send + 'static,
    ) -> T {
        let asker = Arc::clone(&self.asker);
        let answer = tokio::task::spawn_blocking(move || {
            let answer = question(&asker);
            // What went wrong meanwhile is heard by polling; it has no messages to give.
            while asker.poll(Duration::ZERO).is_some() {}
            answer
        });
        answer.await.expect("asking does not panic")
    }

    async fn make<'a>(
        &self,
        topic: &str,
        partitions: u32,
        settings: impl Iterator<Item = &'a (&'a str, &'a str)>,
    ) -> Result<(), TopicError> {
        let replication = TopicReplication::Fixed(i32::from(self.options.replication));
        let mut made = NewTopic::new(topic, partitions as i32, replication);
        for (key, value) in settings {
            made = made.set(key, value);
        }
        let patience = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        let answer = match self.admin.create_topics(&[made], &patience).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.unanswered(error).await),
        };
        match answer.into_iter().next() {
            Some(Err((_, code))) if code != Code::TopicAlreadyExists => Err(TopicError::Make {
                server: self.server(),
                topic: topic.to_owned(),
                remedy: remedy(code),
                reason: code.to_string(),
            }),
            _ => {
                tracing::info!(topic, partitions, "topic made");
                Ok(())
            }
        }
    }

    fn server(&self) -> String {
        self.options.bootstrap.clone()
    }

    fn wrong_count(&self, topic: String, has: u32, wanted: u32) -> TopicError {
        TopicError::Partitions { server: self.server(), topic, has, wanted }
    }

    async fn unanswered(&self, error: KafkaError) -> TopicError {
        // Why nobody answered is told on another way, and a moment later.
        self.ask(|asker| drop(asker.poll(HEARING))).await;
        let (code, reason) =
            self.voice.complaint().unwrap_or((error.rdkafka_error_code(), error.to_string()));
        TopicError::Kafka(self.options.sentence(code, &reason))
    }
}

/// What to do about a topic that Kafka does not make.
fn remedy(code: Code) -> &'static str {
    match code {
        Code::InvalidReplicationFactor => "set log.kafka.replication to no more than there are brokers",
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            "let the user of log.kafka.user create topics, or make this one, with log.kafka.partitions and a name in delete.retention.ms"
        }
        _ => {
            "see the broker's messages, or make it, with log.kafka.partitions and a name in delete.retention.ms"
        }
    }
}

/// The log's name: of this topic as it was made, in this cluster.
fn incarnation(cluster: &str, topic: &str, name: u64) -> Incarnation {
    let digest = Sha256::new().chain_update(cluster).chain_update([0]).chain_update(topic).chain_update([0]);
    let digest = digest.chain_update(name.to_le_bytes()).finalize();
    Incarnation(*digest.first_chunk().expect("it is longer"))
}

fn random_name() -> Result<u64, TopicError> {
    let random = getrandom::u64().map_err(|_| TopicError::Randomness)?;
    Ok(SMALLEST_NAME + random % ((1 << 62) - SMALLEST_NAME))
}

/// Why there is no log in Kafka, in one sentence that says what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum TopicError {
    /// No answer, or a refusal.
    #[error("{0}")]
    Kafka(String),
    /// The client does not take its settings.
    #[error("the settings for Kafka at {0} do not fit together: {1}")]
    Setting(String, String),
    /// It was there, and is gone.
    #[error("topic {1} of Kafka at {0} is gone: it is made again, and is another log then")]
    Missing(String, String),
    /// The count never changes: the same website would be in two partitions.
    #[error(
        "topic {topic} of Kafka at {server} has {has} partitions and not {wanted}: set log.kafka.partitions to what it was made with"
    )]
    Partitions {
        /// Which Kafka.
        server: String,
        /// Which topic.
        topic: String,
        /// How many there are.
        has: u32,
        /// How many there should be.
        wanted: u32,
    },
    /// Made by somebody else.
    #[error(
        "topic {1} of Kafka at {0} was not made by central: delete it, or give it an identity, once, before it holds records: \
         kafka-configs.sh --alter --topic {1} --add-config delete.retention.ms=<a random number of 18 digits>"
    )]
    Unnamed(String, String),
    /// It cannot be made.
    #[error("topic {topic} is missing and cannot be made in Kafka at {server}: {remedy} ({reason})")]
    Make {
        /// Which Kafka.
        server: String,
        /// Which topic.
        topic: String,
        /// What to do.
        remedy: &'static str,
        /// What Kafka said.
        reason: String,
    },
    /// The operating system has no randomness to give.
    #[error("the operating system gave no randomness")]
    Randomness,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_made_again_or_mirrored_elsewhere_is_another_log() {
        let names: std::collections::BTreeSet<_> = [
            incarnation("cluster-1", "footfall.events", 1 << 60),
            incarnation("cluster-1", "footfall.events", (1 << 60) + 1),
            incarnation("cluster-2", "footfall.events", 1 << 60),
            incarnation("cluster-1", "other.events", 1 << 60),
        ]
        .map(|incarnation| incarnation.to_string())
        .into();
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn a_random_name_is_one_and_fits_into_kafkas_long() {
        for _ in 0..100 {
            let name = random_name().expect("random");
            assert!((SMALLEST_NAME..1 << 62).contains(&name));
        }
    }
}
