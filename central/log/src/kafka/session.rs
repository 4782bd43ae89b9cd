//! From nothing to a log that works, and back: finds the topic, joins the group, tells which partitions were gained and lost, starts a new
//! producer after each failure, and looks every few seconds whether all is still as it was. One session is one incarnation of the log.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use super::assignment::{Assignment, GainedPartition};
use super::checkpoints::CheckpointTopic;
use super::client::Options;
use super::client_errors::ClientErrors;
use super::context::SessionContext;
use super::dead_letters::DeadLetterTopic;
use super::end_offsets::EndOffsets;
use super::membership::{GroupChange, Membership};
use super::metadata::MetadataClient;
use super::producer::ProducerGeneration;
use super::status::LogStatus;
use super::topic::{Topic, Topics};
use super::topic_error::TopicError;
use super::topic_writer::TopicWriter;
use crate::dead_letter::DeadLetters;
use crate::metrics::Metrics;
use footfall_daemon::secret::Secret;

/// From one attempt to begin a session to the next.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked whether the topic is still the same.
const INSPECTION_INTERVAL: Duration = Duration::from_secs(5);
/// How long what is queued may take at the end; edges keep what is not acknowledged by then.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps one session after the other; lasts as long as the process.
pub(super) struct Supervisor {
    pub(super) options: Arc<Options>,
    pub(super) status: Arc<LogStatus>,
    pub(super) assignments: mpsc::Sender<Assignment>,
    pub(super) metrics: Metrics,
    pub(super) errors: ClientErrors,
    pub(super) stop: CancellationToken,
}

/// What lasts as long as the topic and our password are the same.
struct Session {
    topics: Topics,
    topic: Topic,
    /// The password of every client of the session.
    password: Option<Secret>,
    writer: TopicWriter,
    changes: mpsc::UnboundedReceiver<GroupChange>,
    context: Arc<SessionContext>,
}

impl Supervisor {
    /// Keeps a log going until told to stop.
    pub(super) async fn run(self) {
        while !self.stop.is_cancelled() {
            let fault = match self.begin().await {
                Ok(mut session) => {
                    let ended = self.keep(&mut session).await;
                    self.end(session).await;
                    ended
                }
                Err(error) => Some(error.to_string()),
            };
            if let Some(fault) = fault {
                tracing::error!(fault, "no log");
                self.status.set_faults(vec![fault]);
            }
            tokio::select! {
                () = sleep(RETRY_INTERVAL) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn begin(&self) -> Result<Session, TopicError> {
        let failed = |error: io::Error| TopicError::Kafka(error.to_string());
        let unfit =
            |error: KafkaError| TopicError::Setting(self.options.bootstrap.clone(), error.to_string());
        let (options, errors) = (Arc::clone(&self.options), self.errors.clone());
        let password = options.password().map_err(failed)?;
        let config = options.client().map_err(failed)?;
        let admin = config.create_with_context(errors.clone()).map_err(unfit)?;
        let metadata = MetadataClient::new(&config, Arc::clone(&options), errors.clone()).map_err(unfit)?;
        let writer = TopicWriter::new(Arc::clone(&options), errors.clone()).map_err(failed)?;
        let checkpoints =
            CheckpointTopic::new(writer.clone(), metadata.clone(), errors.clone(), Arc::clone(&options));
        let topics = Topics::new(admin, metadata.clone(), checkpoints.clone(), Arc::clone(&options));
        let topic = tokio::select! {
            topic = topics.establish() => topic?,
            () = self.stop.cancelled() => return Err(TopicError::Kafka("stopping".into())),
        };
        let (sender, changes) = mpsc::unbounded_channel();
        let group = Membership::join(&options, errors.clone(), sender).map_err(failed)?;
        let incarnation = topic.identity.incarnation;
        tracing::info!(%incarnation, topic = options.topic, "log open");
        let letters = Arc::new(DeadLetterTopic::new(writer.clone(), &options));
        let context = Arc::new(SessionContext {
            identity: topic.identity,
            errors,
            metadata,
            group,
            checkpoints,
            dead_letters: DeadLetters::new(letters, incarnation, self.metrics.clone()),
            ends: Arc::new(EndOffsets::new(options.partitions)),
            options,
        });
        Ok(Session { topics, topic, password, writer, changes, context })
    }

    /// Goes on until the topic or our password is another, or all ends. Says why, when there is something to say.
    async fn keep(&self, session: &mut Session) -> Option<String> {
        let mut producer = match self.start_producer(session) {
            Ok(producer) => producer,
            Err(sentence) => return Some(sentence),
        };
        self.status.set_faults(session.topic.warnings.clone());
        let mut inspection = interval(INSPECTION_INTERVAL);
        let mut inspecting = JoinSet::new();
        let mut owned = BTreeSet::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = producer.failed().cancelled() => {
                    self.status.set_producer(None);
                    let fault = producer.cause().map(|(code, reason)| self.options.sentence(code, &reason));
                    self.status.set_faults(fault.into_iter().collect());
                    let failed = Arc::clone(&producer);
                    let purged = tokio::task::spawn_blocking(move || failed.purge_and_flush()).await;
                    purged.expect("purging does not panic");
                    self.metrics.producer_failures.inc();
                    producer = match self.start_producer(session) {
                        Ok(producer) => producer,
                        Err(sentence) => return Some(sentence),
                    };
                }
                Some(change) = session.changes.recv() => match change {
                    GroupChange::Gained(number, lost) => {
                        owned.insert(number);
                        let context = Arc::clone(&session.context);
                        self.tell(Assignment::Gained(GainedPartition { number, lost, context })).await;
                    }
                    GroupChange::Lost(number) => {
                        owned.remove(&number);
                        self.tell(Assignment::Lost(number)).await;
                    }
                },
                _ = inspection.tick(), if inspecting.is_empty() => {
                    inspecting.spawn(inspect(
                        session.topics.clone(),
                        Arc::clone(&session.context),
                        owned.clone(),
                    ));
                }
                Some(seen) = inspecting.join_next() => {
                    match seen.expect("inspecting does not panic") {
                        Ok(topic) if topic.identity != session.topic.identity => {
                            self.tell(Assignment::TopicGone).await;
                            return Some(format!(
                                "topic {} of Kafka at {} was made again: it is another log now",
                                self.options.topic, self.options.bootstrap
                            ));
                        }
                        Ok(topic) => {
                            self.tell(Assignment::TopicSeen).await;
                            self.errors.clear();
                            self.status.set_faults(topic.warnings);
                        }
                        Err(error @ (TopicError::Missing(..) | TopicError::Partitions { .. })) => {
                            self.tell(Assignment::TopicGone).await;
                            return Some(error.to_string());
                        }
                        Err(error) if self.options.password().is_ok_and(|now| now != session.password) => {
                            return Some(error.to_string());
                        }
                        Err(error) => self.status.set_faults(vec![error.to_string()]),
                    }
                }
            }
        }
    }

    fn start_producer(&self, session: &Session) -> Result<Arc<ProducerGeneration>, String> {
        let Session { context, topic, .. } = session;
        let producer = ProducerGeneration::start(context, topic.max_message_bytes, self.metrics.clone());
        let producer = Arc::new(producer.map_err(|error| error.to_string())?);
        self.status.set_producer(Some(Arc::clone(&producer)));
        Ok(producer)
    }

    async fn tell(&self, assignment: Assignment) {
        // Whoever opens partitions is gone only when all ends.
        let _ = self.assignments.send(assignment).await;
    }

    async fn end(&self, session: Session) {
        let producer = self.status.producer();
        self.status.set_producer(None);
        session.context.group.give_up_partitions();
        self.tell(Assignment::Ended).await;
        let stopping = self.stop.is_cancelled();
        let ended = tokio::task::spawn_blocking(move || {
            if let Some(producer) = producer {
                if stopping {
                    producer.flush(FLUSH_TIMEOUT);
                }
                producer.end("the log is closing");
                producer.purge_and_flush();
            }
            session.context.group.leave();
            session.writer.flush();
        });
        ended.await.expect("ending does not panic");
    }
}

/// Looks at the topic, and how far the partitions of this central reach. Sees that the topic's number is kept a second time.
async fn inspect(
    topics: Topics,
    context: Arc<SessionContext>,
    owned: BTreeSet<u32>,
) -> Result<Topic, TopicError> {
    let topic = topics.inspect().await?;
    for partition in owned {
        // Only a metric is older than it could be when this fails.
        if let Ok(bounds) = context.metadata.bounds(&context.options.topic, partition).await {
            context.ends.reached(partition, bounds.end);
        }
    }
    if topic.identity == context.identity
        && let Err(error) = context.checkpoints.keep_topic_number(topic.identity.number).await
    {
        tracing::warn!(%error, "the topic's number is not kept in the topic of checkpoints");
    }
    Ok(topic)
}
