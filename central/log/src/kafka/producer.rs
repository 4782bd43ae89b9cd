//! One generation of the gapless producer. Within it, what is queued for a partition reaches it in that order and without a hole, or not
//! at all: the first failure ends the generation, and with it every stream of an edge that appended to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig, ThreadedProducer};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::client_errors::ClientError;
use super::context::SessionContext;
use super::delivery::{DeliveryReports, PendingAppend};
use crate::dead_letter::DeadLetters;
use crate::error::Refused;
use crate::metrics::Metrics;
use crate::placement::PlacedRecord;
use crate::poison::{Poison, PoisonReason};

/// What Kafka puts around a record and a batch, bytes, and then some.
const OVERHEAD_BYTES: usize = 1024;
/// How long a record may wait before central says that Kafka takes nothing.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// How long the last reports may take to come, once everything was purged.
const PURGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most records in the queue; what bounds them before are the bytes that ingest takes.
const MAX_QUEUED: usize = 2_000_000;
/// Most bytes in the queue, KiB: what ingest takes, with envelopes and keys.
const MAX_QUEUED_KIB: usize = 512 << 10;

/// A producer, until its first failure.
pub(crate) struct ProducerGeneration {
    producer: ThreadedProducer<DeliveryReports>,
    topic: String,
    /// Largest record, bytes.
    max_record_bytes: usize,
    dead_letters: DeadLetters,
    metrics: Metrics,
}

impl ProducerGeneration {
    pub(super) fn start(
        context: &SessionContext,
        max_message_bytes: usize,
        metrics: Metrics,
    ) -> io::Result<Self> {
        let options = &context.options;
        let mut config = options.client()?;
        let batch = max_message_bytes.min(1 << 20);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            // Never given up: an edge keeps what was not acknowledged, and waits.
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("batch.size", batch.to_string())
            .set("batch.num.messages", "100000")
            .set("message.max.bytes", max_message_bytes.to_string())
            .set("queue.buffering.max.messages", MAX_QUEUED.to_string())
            .set("queue.buffering.max.kbytes", MAX_QUEUED_KIB.to_string());
        let reports = DeliveryReports::new(context.errors.clone(), Arc::clone(&context.ends));
        Ok(Self {
            producer: config.create_with_context(reports).map_err(|error| options.failed(&error))?,
            topic: options.topic.clone(),
            max_record_bytes: max_message_bytes.saturating_sub(OVERHEAD_BYTES),
            dead_letters: context.dead_letters.clone(),
            metrics,
        })
    }

    /// Queues records in their order; the answer comes once Kafka has all of them. One that is too large for it is parked. When not all
    /// are queued, `failed` is set before this returns: nothing may follow them on the same stream.
    pub(crate) fn append(
        &self,
        placed: Vec<PlacedRecord>,
        failed: &AtomicBool,
    ) -> impl Future<Output = Result<(), Refused>> + Send + use<> {
        let (append, answer) = PendingAppend::new();
        if self.producer.in_flight_count() == 0 {
            self.reports().progress();
        }
        for record in placed {
            append.expect_report();
            if record.payload.len() + record.website_id.len() > self.max_record_bytes {
                self.park(record.partition, &record.payload, Arc::clone(&append));
                continue;
            }
            let message = BaseRecord::with_opaque_to(&self.topic, Arc::clone(&append))
                .partition(record.partition as i32)
                .key(&record.website_id)
                .payload(record.payload.as_ref());
            let sent = if self.failed().is_cancelled() { Err(None) } else { Ok(()) };
            let sent = sent.and_then(|()| self.producer.send(message).map_err(|(error, _)| Some(error)));
            if let Err(error) = sent {
                failed.store(true, Ordering::Release);
                // There will be no report of what was not sent.
                append.reported(false);
                if let Some(error) = error
                    && error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull)
                {
                    self.reports().fail(&error);
                }
                break;
            }
        }
        append.reported(true);
        let generation_failed = self.failed().clone();
        async move {
            match answer.await {
                Ok(true) => Ok(()),
                _ if generation_failed.is_cancelled() => {
                    Err(Refused::Unavailable("Kafka did not take a record".into()))
                }
                _ => Err(Refused::Full("too much waits for Kafka".into())),
            }
        }
    }

    /// Is cancelled when the generation ends.
    pub(crate) fn failed(&self) -> &CancellationToken {
        self.reports().failed()
    }

    /// Why the generation ended.
    pub(super) fn cause(&self) -> Option<ClientError> {
        self.reports().cause()
    }

    /// Ends the generation for a reason that lies elsewhere.
    pub(super) fn end(&self, reason: &str) {
        self.reports().end(reason);
    }

    /// For how long Kafka has taken nothing although something waits for it; nothing as long as that is not long.
    pub(super) fn stalled(&self) -> Option<Duration> {
        let idle = self.reports().idle();
        (self.producer.in_flight_count() > 0 && idle > STALLED_AFTER).then_some(idle)
    }

    /// Gives up what was not delivered and waits until everything was reported. Blocks.
    pub(super) fn purge_and_flush(&self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = self.producer.flush(PURGE_TIMEOUT) {
            tracing::warn!(%error, "not everything that was sent to Kafka was reported on");
        }
    }

    /// Delivers what is queued, for as long as that may take. Blocks.
    pub(super) fn flush(&self, timeout: Duration) {
        if let Err(error) = self.producer.flush(timeout) {
            tracing::warn!(%error, "not everything was sent to Kafka; edges keep it");
        }
    }

    fn reports(&self) -> &DeliveryReports {
        self.producer.client().context()
    }

    fn park(&self, partition: u32, entry: &Bytes, append: Arc<PendingAppend>) {
        tracing::warn!(partition, bytes = entry.len(), "a record is too large for the topic; it is parked");
        let poison =
            Poison { offset: 0, index: None, reason: PoisonReason::TooLarge, payload: entry.clone() };
        self.metrics.poisoned(poison.reason);
        let dead_letters = self.dead_letters.clone();
        Handle::current().spawn(async move {
            let parked = dead_letters.park(partition, &[poison]).await;
            if let Err(error) = &parked {
                tracing::warn!(%error, "what is too large cannot be parked");
            }
            append.reported(parked.is_ok());
        });
    }
}
