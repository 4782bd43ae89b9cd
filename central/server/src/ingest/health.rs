//! What somebody should look at although ingest goes on: certificates that are refused, edges that share one, and records that say what an
//! edge cannot know.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::certificate_faults::{CertificateFault, CertificateFaults};
use super::parked_records::ParkedRecords;
use super::takeovers::Takeovers;
use footfall_log::PoisonReason;
use footfall_proto::relay::ParkReason;

/// Shared by ingest, which fills it, and `/readyz`, which shows it.
#[derive(Clone, Debug, Default)]
pub struct IngestHealth(Arc<Mutex<Observed>>);

#[derive(Debug, Default)]
struct Observed {
    certificates: CertificateFaults,
    takeovers: Takeovers,
    parked: ParkedRecords,
}

impl IngestHealth {
    /// A sentence for each, at `now_ms`, milliseconds since 1970.
    pub fn warnings(&self, now_ms: i64) -> Vec<String> {
        let observed = self.observed();
        let Observed { certificates, takeovers, parked } = &*observed;
        [takeovers.sentences(now_ms), parked.sentences(now_ms), certificates.sentences(now_ms)].concat()
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

    pub(super) fn parked(&self, edge_id: &str, reasons: &[ParkReason], now_ms: i64) {
        if reasons.is_empty() {
            return;
        }
        let reasons = reasons.iter().copied().map(PoisonReason::from);
        let sentence = self.observed().parked.note(edge_id, reasons, now_ms);
        if let Some(sentence) = sentence {
            tracing::warn!("{sentence}");
        }
    }

    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
