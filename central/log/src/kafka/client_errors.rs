//! What Kafka's clients report as wrong. Decides nothing about it.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What a client reported: a code, if it is one, and a reason.
pub(super) type ClientError = (Option<RDKafkaErrorCode>, String);

/// The last error that any of Kafka's clients reported; clones share it.
#[derive(Clone, Default)]
pub(super) struct ClientErrors(Arc<Mutex<Option<ClientError>>>);

impl ClientErrors {
    /// The last error since they were [`cleared`](Self::clear).
    pub(super) fn last(&self) -> Option<ClientError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All is well again.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl ClientContext for ClientErrors {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(facility, message, "kafka");
            }
            // Every failed attempt to connect is an "error": the sentence of `/readyz` says it once.
            _ => tracing::debug!(facility, message, "kafka"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka");
        let code = error.rdkafka_error_code();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That all brokers are down follows from what was reported before, and says less.
        if code != Some(RDKafkaErrorCode::AllBrokersDown) || last.is_none() {
            *last = Some((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for ClientErrors {}
