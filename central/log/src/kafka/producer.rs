//! One life of the gapless producer. Within it, what is queued for a partition reaches it in that order and without a hole, or not at
//! all: the first failure ends the era, and with it every stream of an edge that appended to it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::client::{Complaint, Options, Voice};
use crate::backend::Placed;
use crate::record::{Poison, PoisonReason};
use crate::{DeadLetter, Metrics, Refused};

/// What Kafka puts around a record and a batch, bytes, and then some.
const OVERHEAD_BYTES: usize = 1024;
/// How long a record may wait before central says that Kafka takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last reports of an era may take, once it was purged.
const LAST_REPORTS: Duration = Duration::from_secs(30);
/// Most records in the queue; what bounds them before are the bytes that ingest takes.
const MAX_QUEUED: usize = 2_000_000;
/// Most bytes in the queue, KiB: what ingest takes, with envelopes and keys.
const MAX_QUEUED_KIB: usize = 512 << 10;

/// One past the last record that each partition is known to have.
#[derive(Default)]
pub(super) struct Ends(Vec<AtomicU64>);

impl Ends {
    pub(super) fn new(partitions: u32) -> Self {
        Self((0..partitions).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn get(&self, partition: u32) -> u64 {
        self.0[partition as usize].load(Ordering::Relaxed)
    }

    pub(super) fn reached(&self, partition: u32, end: u64) {
        self.0[partition as usize].fetch_max(end, Ordering::Relaxed);
    }
}

/// A producer, until its first failure.
pub(crate) struct Era {
    producer: ThreadedProducer<Reports>,
    topic: String,
    /// Largest record, bytes.
    max_record_bytes: usize,
    dead_letter: DeadLetter,
    metrics: Metrics,
}

/// What Kafka reports about what was sent.
pub(super) struct Reports {
    voice: Voice,
    ends: Arc<Ends>,
    broken: CancellationToken,
    fault: OnceLock<Complaint>,
    /// When something was last delivered, or the queue was last empty.
    moved: Mutex<Instant>,
}

/// One append that waits for its reports.
pub(super) struct Ticket {
    waiting: AtomicUsize,
    failed: AtomicBool,
    answer: Mutex<Option<oneshot::Sender<bool>>>,
}

impl Era {
    pub(super) fn begin(
        options: &Options,
        max_message_bytes: usize,
        ends: Arc<Ends>,
        voice: Voice,
        dead_letter: DeadLetter,
        metrics: Metrics,
    ) -> io::Result<Self> {
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
        let reports = Reports {
            voice,
            ends,
            broken: CancellationToken::new(),
            fault: OnceLock::new(),
            moved: Mutex::new(Instant::now()),
        };
        Ok(Self {
            producer: config.create_with_context(reports).map_err(|error| options.failed(&error))?,
            topic: options.topic.clone(),
            max_record_bytes: max_message_bytes.saturating_sub(OVERHEAD_BYTES),
            dead_letter,
            metrics,
        })
    }

    /// Queues records in their order; the answer comes once Kafka has all of them. One that is too large for it is parked. When not all
    /// are queued, `failed` is set before this returns: nothing may follow them on the same stream.
    pub(crate) fn append(
        &self,
        placed: Placed,
        failed: &AtomicBool,
    ) -> impl Future<Output = Result<(), Refused>> + Send + use<> {
        let (sender, answer) = oneshot::channel();
        let ticket = Arc::new(Ticket {
            // One more than are sent, so that no answer comes before all are.
            waiting: AtomicUsize::new(1),
            failed: AtomicBool::new(false),
            answer: Mutex::new(Some(sender)),
        });
        if self.producer.in_flight_count() == 0 {
            self.reports().moved();
        }
        for record in placed {
            ticket.waiting.fetch_add(1, Ordering::Relaxed);
            if record.payload.len() + record.website_id.len() > self.max_record_bytes {
                self.park(record.partition, &record.payload, Arc::clone(&ticket));
                continue;
            }
            let message = BaseRecord::with_opaque_to(&self.topic, Arc::clone(&ticket))
                .partition(record.partition as i32)
                .key(&record.website_id)
                .payload(record.payload.as_ref());
            let sent = if self.broken().is_cancelled() { Err(None) } else { Ok(()) };
            let sent = sent.and_then(|()| self.producer.send(message).map_err(|(error, _)| Some(error)));
            if let Err(error) = sent {
                failed.store(true, Ordering::Release);
                // The ticket of what was not sent comes back with it.
                ticket.reported(false);
                if let Some(error) = error
                    && error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull)
                {
                    self.reports().fail(&error);
                }
                break;
            }
        }
        ticket.reported(true);
        let fault = self.broken().clone();
        async move {
            match answer.await {
                Ok(true) => Ok(()),
                _ if fault.is_cancelled() => Err(Refused::Unavailable("Kafka did not take a record".into())),
                _ => Err(Refused::Full("too much waits for Kafka".into())),
            }
        }
    }

    /// Ends when the era does.
    pub(crate) fn broken(&self) -> &CancellationToken {
        &self.reports().broken
    }

    /// Why the era ended.
    pub(super) fn fault(&self) -> Option<Complaint> {
        self.reports().fault.get().cloned()
    }

    /// Ends the era for a reason that lies elsewhere.
    pub(super) fn end(&self, reason: &str) {
        // Who failed first is remembered.
        let _ = self.reports().fault.set((None, reason.to_owned()));
        self.broken().cancel();
    }

    /// For how long Kafka has taken nothing although something waits for it; nothing as long as that is not long.
    pub(super) fn stalled(&self) -> Option<Duration> {
        let since = self.reports().moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        (self.producer.in_flight_count() > 0 && since > PATIENCE).then_some(since)
    }

    /// Gives up what was not delivered and waits until everything was reported. Blocks.
    pub(super) fn bury(&self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = self.producer.flush(LAST_REPORTS) {
            tracing::warn!(%error, "not everything that was sent to Kafka was reported on");
        }
    }

    /// Delivers what is queued, for as long as that may take. Blocks.
    pub(super) fn finish(&self, patience: Duration) {
        if let Err(error) = self.producer.flush(patience) {
            tracing::warn!(%error, "not everything was sent to Kafka; edges keep it");
        }
    }

    fn reports(&self) -> &Reports {
        self.producer.client().context()
    }

    fn park(&self, partition: u32, entry: &bytes::Bytes, ticket: Arc<Ticket>) {
        tracing::warn!(partition, bytes = entry.len(), "a record is too large for the topic; it is parked");
        let poison =
            Poison { offset: 0, index: None, reason: PoisonReason::TooLarge, payload: entry.clone() };
        self.metrics.spoilt(poison.reason);
        let dead_letter = self.dead_letter.clone();
        Handle::current().spawn(async move {
            let parked = dead_letter.park(partition, &[poison]).await;
            if let Err(error) = &parked {
                tracing::warn!(%error, "what is too large cannot be parked");
            }
            ticket.reported(parked.is_ok());
        });
    }
}

impl Reports {
    fn moved(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn fail(&self, error: &KafkaError) {
        if self.fault.set((error.rdkafka_error_code(), error.to_string())).is_ok() {
            tracing::error!(%error, "Kafka did not take a record; every edge sends again");
        }
        self.broken.cancel();
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.voice.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // What waits behind a fatal error is reported on only when it is purged.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.fail(&error);
        }
        self.voice.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Arc<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Arc<Ticket>) {
        match result {
            Ok(message) => {
                self.moved();
                if let (Ok(partition), Ok(offset)) =
                    (u32::try_from(message.partition()), u64::try_from(message.offset()))
                {
                    self.ends.reached(partition, offset + 1);
                }
            }
            Err((error, _)) => self.fail(error),
        }
        ticket.reported(result.is_ok());
    }
}

impl Ticket {
    fn reported(&self, delivered: bool) {
        if !delivered {
            self.failed.store(true, Ordering::Relaxed);
        }
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Whoever asked may be gone.
            let _ = answer.map(|answer| answer.send(!self.failed.load(Ordering::Relaxed)));
        }
    }
}
