//! Other members of central's consumer group, which own all partitions and read nothing: a central that ingests beside them runs no
//! sinks, and what is measured is its ingest alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::bail;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};

use super::kafka::Address;

/// How often each member is looked after.
const POLL: Duration = Duration::from_millis(100);
/// How long the group may take to agree.
const PATIENCE: Duration = Duration::from_mins(1);

/// The members. They leave when dropped.
pub(crate) struct Fleet {
    stop: Arc<AtomicBool>,
    members: Vec<JoinHandle<()>>,
}

impl Fleet {
    /// Joins a member for each partition and waits until each owns one. Whoever joins later gets none: the assignment is sticky.
    ///
    /// # Errors
    /// When the group does not agree in time.
    pub(crate) fn join(kafka: &Address, group: &str, topic: &str, partitions: u32) -> anyhow::Result<Self> {
        let mut config = kafka.client()?;
        config
            .set("group.id", group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest")
            .set("queued.max.messages.kbytes", "64");
        let mut fleet = Self { stop: Arc::default(), members: Vec::new() };
        let mut owned: Vec<Arc<AtomicUsize>> = Vec::new();
        for _ in 0..partitions {
            let member: BaseConsumer<Idle> = config.create_with_context(Idle)?;
            member.subscribe(&[topic])?;
            let count = Arc::new(AtomicUsize::new(0));
            owned.push(Arc::clone(&count));
            let stop = Arc::clone(&fleet.stop);
            fleet.members.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // What comes through before a partition is paused is of no interest.
                    let _ = member.poll(POLL);
                    let assigned = member.assignment().map_or(0, |assigned| assigned.count());
                    count.store(assigned, Ordering::Relaxed);
                }
            }));
        }
        let deadline = Instant::now() + PATIENCE;
        while owned.iter().any(|count| count.load(Ordering::Relaxed) != 1) {
            if Instant::now() > deadline {
                bail!("the consumer group did not share {partitions} partitions evenly within {PATIENCE:?}");
            }
            std::thread::sleep(POLL);
        }
        Ok(fleet)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for member in self.members.drain(..) {
            // One that panicked has left as well.
            let _ = member.join();
        }
    }
}

struct Idle;

impl ClientContext for Idle {}

impl ConsumerContext for Idle {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            // Read once at most, and thrown away.
            let _ = consumer.pause(list);
        }
    }
}
