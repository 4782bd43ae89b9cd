//! What appends, questions and the session share: the producer that takes records now, and what is wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client::Options;
use super::producer::ProducerGeneration;

/// How the log is doing.
pub(super) struct LogStatus {
    state: Mutex<State>,
}

struct State {
    producer: Option<Arc<ProducerGeneration>>,
    /// Why there is no producer, or what else is wrong.
    faults: Vec<String>,
}

impl LogStatus {
    pub(super) fn new(options: &Options) -> Self {
        let fault = format!("Kafka at {} is not reached yet", options.bootstrap);
        Self { state: Mutex::new(State { producer: None, faults: vec![fault] }) }
    }

    /// The producer that takes records now.
    pub(super) fn producer(&self) -> Option<Arc<ProducerGeneration>> {
        self.lock().producer.clone()
    }

    /// What is wrong, in sentences.
    pub(super) fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    pub(super) fn set_producer(&self, producer: Option<Arc<ProducerGeneration>>) {
        self.lock().producer = producer;
    }

    pub(super) fn set_faults(&self, faults: Vec<String>) {
        self.lock().faults = faults;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
