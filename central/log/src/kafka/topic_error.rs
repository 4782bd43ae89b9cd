//! What can be wrong with the log's topics, each in one sentence that names the server and says what to do.

use rdkafka::error::RDKafkaErrorCode as Code;

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
    /// Made by somebody else, and never numbered.
    #[error(
        "topic {1} of Kafka at {0} was not made by central: delete it, or give it an identity, once, before it holds records: \
         kafka-configs.sh --alter --topic {1} --add-config delete.retention.ms=<a random number of 18 digits>"
    )]
    Unnumbered(String, String),
    /// It was numbered, and is not any more. Under another number it would be another log, whose rows are all new.
    #[error(
        "delete.retention.ms of topic {topic} of Kafka at {server} was reset to \"{found}\": central kept the topic's number there. If it is \
         still the topic that central made, put its number back: \
         kafka-configs.sh --alter --topic {topic} --add-config delete.retention.ms={number} (if it was made again, delete it: central \
         makes it)"
    )]
    NumberReset {
        /// Which Kafka.
        server: String,
        /// Which topic.
        topic: String,
        /// What stands there now.
        found: String,
        /// What belongs there.
        number: u64,
    },
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

/// What to do about a topic that Kafka does not make.
pub(super) fn remedy(code: Code) -> &'static str {
    match code {
        Code::InvalidReplicationFactor => "set log.kafka.replication to no more than there are brokers",
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            "let the user of log.kafka.user create topics, or make this one, with log.kafka.partitions and a random number of 18 digits in delete.retention.ms"
        }
        _ => {
            "see the broker's messages, or make it, with log.kafka.partitions and a random number of 18 digits in delete.retention.ms"
        }
    }
}
