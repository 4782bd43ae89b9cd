//! The topics: made where they are missing, and seen to be what the log needs. Reads and writes no record of the log.

use std::sync::Arc;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::checkpoints::CheckpointTopic;
use super::client::{Options, REQUEST_TIMEOUT};
use super::client_errors::ClientErrors;
use super::identity::{NUMBER_SETTING, SMALLEST_NUMBER, TopicIdentity, random_number};
use super::metadata::MetadataClient;
use super::topic_error::{TopicError, remedy};
use crate::dead_letter::KEPT_BYTES;

/// Largest record that the topic takes, bytes: every batch of an edge fits, so every record does.
const MAX_MESSAGE_BYTES: u32 = 5 << 20;
/// What stays of checkpoints in each partition, bytes.
const CHECKPOINTS_BYTES: u64 = 512 << 20;
/// A segment of these topics, bytes: what is kept is a multiple of it.
const SEGMENT_BYTES: u32 = 64 << 20;

/// What the topic was seen to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) identity: TopicIdentity,
    /// Largest message that it takes, bytes.
    pub(super) max_message_bytes: usize,
    /// What keeps it from being as durable as it should, in sentences.
    pub(super) warnings: Vec<String>,
}

/// Makes topics and looks at their settings; clones share the clients.
#[derive(Clone)]
pub(super) struct Topics {
    admin: Arc<AdminClient<ClientErrors>>,
    /// Reports errors, which an admin client does not.
    metadata: MetadataClient,
    checkpoints: CheckpointTopic,
    options: Arc<Options>,
}

impl Topics {
    pub(super) fn new(
        admin: AdminClient<ClientErrors>,
        metadata: MetadataClient,
        checkpoints: CheckpointTopic,
        options: Arc<Options>,
    ) -> Self {
        Self { admin: Arc::new(admin), metadata, checkpoints, options }
    }

    /// The log's topic as it is; the missing ones are made first.
    pub(super) async fn establish(&self) -> Result<Topic, TopicError> {
        let partitions = self.options.partitions;
        let [log, checkpoints, dead_letter] = self.counts().await?;
        let retention = self.options.retention.as_millis().to_string();
        let in_sync = if self.options.replication > 1 { "2" } else { "1" };
        let common = [("min.insync.replicas", in_sync), ("unclean.leader.election.enable", "false")];
        if log.is_none() {
            let number = random_number().map_err(|_| TopicError::Randomness)?.to_string();
            let bytes = MAX_MESSAGE_BYTES.to_string();
            let own = [
                (NUMBER_SETTING, number.as_str()),
                ("retention.ms", &retention),
                ("max.message.bytes", &bytes),
            ];
            self.make(&self.options.topic, partitions, common.iter().chain(&own)).await?;
        }
        let segment = SEGMENT_BYTES.to_string();
        for (name, count, partitions, kept) in [
            // Beside each partition's checkpoints stands the list of them.
            ("checkpoints", checkpoints, partitions * 2, CHECKPOINTS_BYTES.to_string()),
            ("dead-letter", dead_letter, 1, KEPT_BYTES.to_string()),
        ] {
            let topic = self.options.related_topic(name);
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
        let timeout = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
        let described = match self.admin.describe_configs(&asked, &timeout).await {
            Ok(described) => described,
            Err(error) => return Err(self.unanswered(&error).await),
        };
        let described = described.into_iter().next().unwrap_or(Err(Code::Fail));
        let settings = described
            .map_err(|code| TopicError::Kafka(self.options.sentence(Some(code), &code.to_string())))?;
        let setting =
            |name: &str| settings.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
        let found = setting(NUMBER_SETTING);
        let Some(number) = found.parse().ok().filter(|number| *number >= SMALLEST_NUMBER) else {
            return Err(self.without_number(found).await);
        };
        let cluster = self.metadata.ask(|client| client.client().fetch_cluster_id(REQUEST_TIMEOUT)).await;
        let cluster =
            cluster.ok_or_else(|| TopicError::Kafka(self.options.sentence(None, "no cluster id")))?;
        Ok(Topic {
            identity: TopicIdentity::new(&cluster, topic, number),
            max_message_bytes: setting("max.message.bytes").parse().unwrap_or(1 << 20),
            warnings: self
                .warnings(&setting("min.insync.replicas"), &setting("unclean.leader.election.enable")),
        })
    }

    /// Why a topic has no number: it never had one, or its settings were reset.
    async fn without_number(&self, found: String) -> TopicError {
        let (server, topic) = (self.server(), self.options.topic.clone());
        match self.checkpoints.topic_number().await {
            Ok(Some(number)) => TopicError::NumberReset { server, topic, found, number },
            Ok(None) => TopicError::Unnumbered(server, topic),
            // Whoever is told to give it a new number loses the old one.
            Err(error) => TopicError::Kafka(error.to_string()),
        }
    }

    /// What is wrong with the topic's durability. One broker is enough for who asked for one.
    fn warnings(&self, in_sync: &str, unclean: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        let (server, topic) = (&self.options.bootstrap, &self.options.topic);
        if self.options.replication > 1 && in_sync.parse::<u32>().unwrap_or_default() < 2 {
            warnings.push(format!(
                "topic {topic} of Kafka at {server} acknowledges what a single broker has: set its min.insync.replicas to 2, \
                 or log.kafka.replication = 1 if that is meant"
            ));
        }
        if unclean != "false" {
            warnings.push(format!(
                "topic {topic} of Kafka at {server} may forget what it acknowledged: set its unclean.leader.election.enable to false"
            ));
        }
        warnings
    }

    /// How many partitions the log's, the checkpoints' and the dead letters' topics have; nothing of one that is missing.
    async fn counts(&self) -> Result<[Option<u32>; 3], TopicError> {
        // Of all topics: to ask for one could make it, with settings that nobody chose.
        let all = match self.metadata.ask(|client| client.fetch_metadata(None, REQUEST_TIMEOUT)).await {
            Ok(all) => all,
            Err(error) => return Err(self.unanswered(&error).await),
        };
        let count = |name: &str| {
            let topic = all.topics().iter().find(|topic| topic.name() == name)?;
            Some(topic.partitions().len() as u32).filter(|count| *count > 0)
        };
        Ok([
            count(&self.options.topic),
            count(&self.options.related_topic("checkpoints")),
            count(&self.options.related_topic("dead-letter")),
        ])
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
        let timeouts = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT));
        let answer = match self.admin.create_topics(&[made], &timeouts).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.unanswered(&error).await),
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

    async fn unanswered(&self, error: &KafkaError) -> TopicError {
        TopicError::Kafka(self.metadata.explain(error).await)
    }
}
