//! What somebody should look at although ingest goes on: certificates that are refused, and edges that share one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::certificate_faults::{CertificateFault, CertificateFaults};
use super::takeovers::Takeovers;

/// Shared by ingest, which fills it, and `/readyz`, which shows it.
#[derive(Clone, Debug, Default)]
pub struct IngestHealth(Arc<Mutex<Observed>>);

#[derive(Debug, Default)]
struct Observed {
    certificates: CertificateFaults,
    takeovers: Takeovers,
}

impl IngestHealth {
    /// A sentence for each, at `now_ms`, milliseconds since 1970.
    pub fn warnings(&self, now_ms: i64) -> Vec<String> {
        let observed = self.observed();
        [observed.takeovers.sentences(now_ms), observed.certificates.sentences(now_ms)].concat()
    }

    pub(super) fn certificate_refused(&self, fault: CertificateFault, now_ms: i64) {
        let sentence = self.observed().certificates.note(fault, now_ms);
        if let Some(sentence) = sentence {
            tracing::warn!("{sentence}");
        }
    }

    pub(super) fn took_over(&self, edge_id: &str, older: SocketAddr, newer: SocketAddr, now_ms: i64) {
        let sentence = self.observed().takeovers.note(edge_id, older.to_string(), newer.to_string(), now_ms);
        if let Some(sentence) = sentence {
            tracing::warn!("{sentence}");
        }
    }

    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
