//! Whether central is connected, for readiness and metrics.

use std::sync::Mutex;

/// The state of the connection to central.
#[derive(Debug)]
pub struct RelayStatus(Mutex<Option<String>>);

impl Default for RelayStatus {
    fn default() -> Self {
        Self(Mutex::new(Some("central has not been reached yet".into())))
    }
}

impl RelayStatus {
    /// Central welcomed this edge.
    pub fn connected(&self) {
        *self.0.lock().expect("no holder panics") = None;
    }

    /// The connection is gone, for this reason.
    pub fn disconnected(&self, sentence: String) {
        *self.0.lock().expect("no holder panics") = Some(sentence);
    }

    /// Whether central is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.lock().expect("no holder panics").is_none()
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.0.lock().expect("no holder panics").clone()
    }
}
