//! What Kafka reports about records that were sent, and the appends that wait for it. Sends nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::client_errors::{ClientError, ClientErrors};
use super::end_offsets::EndOffsets;

/// The reports of one producer, until its first failure.
pub(super) struct DeliveryReports {
    errors: ClientErrors,
    ends: Arc<EndOffsets>,
    failed: CancellationToken,
    cause: OnceLock<ClientError>,
    /// When something was last delivered, or the queue was last empty.
    progressed: Mutex<Instant>,
}

impl DeliveryReports {
    pub(super) fn new(errors: ClientErrors, ends: Arc<EndOffsets>) -> Self {
        let (failed, progressed) = (CancellationToken::new(), Mutex::new(Instant::now()));
        Self { errors, ends, failed, cause: OnceLock::new(), progressed }
    }

    /// Is cancelled by the first failure.
    pub(super) fn failed(&self) -> &CancellationToken {
        &self.failed
    }

    /// What failed first.
    pub(super) fn cause(&self) -> Option<ClientError> {
        self.cause.get().cloned()
    }

    /// For how long nothing was delivered.
    pub(super) fn idle(&self) -> Duration {
        self.progressed.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Something was delivered, or nothing waits.
    pub(super) fn progress(&self) {
        *self.progressed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Nothing more is to be taken.
    pub(super) fn fail(&self, error: &KafkaError) {
        if self.cause.set((error.rdkafka_error_code(), error.to_string())).is_ok() {
            tracing::error!(%error, "Kafka did not take a record; every edge sends again");
        }
        self.failed.cancel();
    }

    /// The same for a reason that Kafka has nothing to do with.
    pub(super) fn end(&self, reason: &str) {
        // The first cause is kept.
        let _ = self.cause.set((None, reason.to_owned()));
        self.failed.cancel();
    }
}

impl ClientContext for DeliveryReports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.errors.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // What waits behind a fatal error is reported on only when it is purged.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.fail(&error);
        }
        self.errors.error(error, reason);
    }
}

impl ProducerContext for DeliveryReports {
    type DeliveryOpaque = Arc<PendingAppend>;

    fn delivery(&self, result: &DeliveryResult<'_>, append: Arc<PendingAppend>) {
        match result {
            Ok(message) => {
                self.progress();
                if let (Ok(partition), Ok(offset)) =
                    (u32::try_from(message.partition()), u64::try_from(message.offset()))
                {
                    self.ends.reached(partition, offset + 1);
                }
            }
            Err((error, _)) => self.fail(error),
        }
        append.reported(result.is_ok());
    }
}

/// One append that waits for the reports of its records.
pub(super) struct PendingAppend {
    waiting: AtomicUsize,
    failed: AtomicBool,
    answer: Mutex<Option<oneshot::Sender<bool>>>,
}

impl PendingAppend {
    /// Waits for one report, which stands for all being queued; the answer is whether every report was good.
    pub(super) fn new() -> (Arc<Self>, oneshot::Receiver<bool>) {
        let (sender, answer) = oneshot::channel();
        let (waiting, failed) = (AtomicUsize::new(1), AtomicBool::new(false));
        (Arc::new(Self { waiting, failed, answer: Mutex::new(Some(sender)) }), answer)
    }

    /// Waits for another report.
    pub(super) fn expect_report(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reported(&self, delivered: bool) {
        if !delivered {
            self.failed.store(true, Ordering::Relaxed);
        }
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            // The stream that asked may be gone.
            let _ = answer.map(|answer| answer.send(!self.failed.load(Ordering::Relaxed)));
        }
    }
}
