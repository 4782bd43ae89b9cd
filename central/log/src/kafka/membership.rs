//! This central's membership of the consumer group that shares the partitions: which it gained, which it lost, and the offsets it
//! commits. It reads no record: everything that it is assigned is paused.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::client::{Options, REQUEST_TIMEOUT};
use super::client_errors::ClientErrors;

/// How long one poll of the group may take.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);
/// How long to wait for the group to let go.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// What happened in the group.
pub(super) enum GroupChange {
    /// A partition is ours, until the token says otherwise.
    Gained(u32, CancellationToken),
    /// It is not any more.
    Lost(u32),
}

/// A member of the group.
pub(super) struct Membership {
    consumer: Arc<BaseConsumer<GroupListener>>,
    options: Arc<Options>,
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Hears what the group says.
struct GroupListener {
    errors: ClientErrors,
    changes: UnboundedSender<GroupChange>,
    owned: Mutex<BTreeMap<u32, CancellationToken>>,
}

impl Membership {
    /// Joins the group.
    pub(super) fn join(
        options: &Arc<Options>,
        errors: ClientErrors,
        changes: UnboundedSender<GroupChange>,
    ) -> io::Result<Self> {
        let mut config = options.client()?;
        config
            .set("group.id", &options.group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "2000")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Of no meaning, as nothing is read here; an "error" would be told for every partition without a commit.
            .set("auto.offset.reset", "latest")
            .set("queued.max.messages.kbytes", "64");
        let listener = GroupListener { errors, changes, owned: Mutex::default() };
        let consumer: BaseConsumer<GroupListener> =
            config.create_with_context(listener).map_err(|error| options.failed(&error))?;
        consumer.subscribe(&[&options.topic]).map_err(|error| options.failed(&error))?;
        let (consumer, stop) = (Arc::new(consumer), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::Builder::new().name("kafka-group".into()).spawn({
            let (consumer, stop) = (Arc::clone(&consumer), Arc::clone(&stop));
            move || poll_group(&consumer, &stop)
        })?;
        Ok(Self { consumer, options: Arc::clone(options), stop, thread: Mutex::new(Some(thread)) })
    }

    /// The first offset at a time or later; nothing when there is none.
    pub(super) async fn seek_time(&self, partition: u32, at: SystemTime) -> io::Result<Option<u64>> {
        let at = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let asked = self.list(partition, Offset::Offset(at), "")?;
        let consumer = Arc::clone(&self.consumer);
        let found = self.ask(move || consumer.offsets_for_times(asked, REQUEST_TIMEOUT)).await?;
        Ok(found.elements().first().and_then(|found| match found.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        }))
    }

    /// The text that goes with the offset that the group committed.
    pub(super) async fn committed(&self, partition: u32) -> io::Result<String> {
        let asked = self.list(partition, Offset::Invalid, "")?;
        let consumer = Arc::clone(&self.consumer);
        let found = self.ask(move || consumer.committed_offsets(asked, REQUEST_TIMEOUT)).await?;
        Ok(found.elements().first().map(|found| found.metadata().to_owned()).unwrap_or_default())
    }

    /// Commits an offset of the group with a text; it is on its way when this returns.
    pub(super) fn commit(&self, partition: u32, next: u64, text: &str) -> io::Result<()> {
        let list = self.list(partition, Offset::Offset(next as i64), text)?;
        self.consumer.commit(&list, CommitMode::Async).map_err(|error| self.options.failed(&error))
    }

    /// Gives up all partitions at once, before the group knows.
    pub(super) fn give_up_partitions(&self) {
        self.consumer.context().lose_all();
    }

    /// Leaves the group, so that others need not wait for it. Blocks.
    pub(super) fn leave(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that polls the consumer group has panicked");
        }
    }

    fn list(&self, partition: u32, offset: Offset, text: &str) -> io::Result<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&self.options.topic, partition as i32);
        if !text.is_empty() {
            element.set_metadata(text);
        }
        element.set_offset(offset).map_err(|error| self.options.failed(&error))?;
        Ok(list)
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> KafkaResult<T> + Send + 'static,
    ) -> io::Result<T> {
        let answer = tokio::task::spawn_blocking(question).await.expect("asking does not panic");
        answer.map_err(|error| self.options.failed(&error))
    }
}

fn poll_group(consumer: &BaseConsumer<GroupListener>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // A message can come through before its partition is paused: whoever reads the partition gets it too.
        if let Some(Err(error)) = consumer.poll(POLL_TIMEOUT) {
            tracing::debug!(%error, "the consumer group");
        }
    }
    consumer.context().lose_all();
    if let Err(error) = consumer.close_queue() {
        tracing::debug!(%error, "leaving the consumer group");
    }
    let deadline = Instant::now() + LEAVE_TIMEOUT;
    while !consumer.closed() && Instant::now() < deadline {
        // What is polled now is only the leaving itself.
        let _ = consumer.poll(POLL_TIMEOUT);
    }
}

impl GroupListener {
    fn gain(&self, assigned: &TopicPartitionList) {
        for partition in numbers(assigned) {
            let lost = CancellationToken::new();
            let before = self.owned().insert(partition, lost.clone());
            if let Some(before) = before {
                before.cancel();
            }
            // The session that listened is gone only when all ends.
            let _ = self.changes.send(GroupChange::Gained(partition, lost));
        }
    }

    fn lose(&self, revoked: &TopicPartitionList) {
        for partition in numbers(revoked) {
            if let Some(lost) = self.owned().remove(&partition) {
                lost.cancel();
            }
            let _ = self.changes.send(GroupChange::Lost(partition));
        }
    }

    fn lose_all(&self) {
        for (_, lost) in std::mem::take(&mut *self.owned()) {
            lost.cancel();
        }
    }

    fn owned(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, CancellationToken>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn numbers(list: &TopicPartitionList) -> Vec<u32> {
    list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect()
}

impl ClientContext for GroupListener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.errors.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.errors.error(error, reason);
    }
}

impl ConsumerContext for GroupListener {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // At once, before the group knows: the next owner may begin as soon as this returns.
        if let Rebalance::Revoke(list) = rebalance {
            self.lose(list);
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            if let Err(error) = consumer.pause(list) {
                tracing::debug!(%error, "an assigned partition is not paused");
            }
            self.gain(list);
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::warn!(%error, "an offset was not committed; the stores know better anyway");
        }
    }
}
