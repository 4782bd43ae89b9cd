//! One edge, put together: everything that requests, the flusher and the forwarder share.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use footfall_daemon::folder::{self, Files, FolderFault};
use footfall_daemon::status::Status;
use footfall_journal::{AppendError, Journal, OpenError};
use footfall_proto::limits::{MAX_BATCH_BYTES, MAX_BODY_BYTES};
use footfall_proto::relay::DropReason;
use parking_lot::Mutex;
use rustls::pki_types::UnixTime;

use crate::assets::{Assets, AssetsError};
use crate::config::Config;
use crate::decoding::Decoding;
use crate::enrich::geo::{Geo, GeoError};
use crate::enrich::salt::Salts;
use crate::enrich::source::ReferrerHosts;
use crate::enrich::ua::Agents;
use crate::forward::{Tls, TlsError, tls};
use crate::memory_budget::MemoryBudget;
use crate::peer::Peers;
use crate::policy::Policies;
use crate::refusals::Refusals;
use crate::tally::Tallies;
use crate::telemetry::{Snapshot, Telemetry};
use crate::windows::{RebuildError, Windows};

/// Bytes that the bodies of all requests together may take, with what is made of them before it is decided.
const BODY_BUDGET_BYTES: usize = 64 << 20;

/// The journal's folder, in the data folder.
pub const JOURNAL: &str = "journal";
/// For so long after the last sign of it, `/readyz` says that another edge uses this one's certificate.
const SUPERSEDED_MS: u64 = 60_000;

/// What a configuration names and a start needs: files read and checked, no port bound, no lock taken.
#[derive(Debug)]
pub struct Parts {
    geo: Geo,
    assets: Assets,
    tls: Option<Tls>,
}

impl Parts {
    /// Reads the files that `config` names, and looks whether its folders can be written. Leaves nothing behind.
    ///
    /// # Errors
    /// [`PartsError`]: the configuration is to be corrected.
    pub fn load(config: &Config) -> Result<Self, PartsError> {
        folder::check("data", &config.data, Files::Read)?;
        folder::check("data", &config.data.join(JOURNAL), Files::Write)?;
        Ok(Self {
            geo: Geo::open(&config.geo.databases, config.geo.private_as)?,
            assets: config.assets.as_deref().map(Assets::load).transpose()?.unwrap_or_default(),
            tls: config.central.as_ref().map(|central| tls(central, UnixTime::now())).transpose()?,
        })
    }
}

/// The shared state of one edge.
pub struct Edge {
    /// As it was resolved.
    pub config: Config,
    /// Which proxies are believed.
    pub peers: Peers,
    /// The sites.
    pub policies: Policies,
    /// Geography.
    pub geo: Geo,
    /// User agents.
    pub agents: Agents,
    /// Known referrers.
    pub referrer_hosts: ReferrerHosts,
    /// The days' salts.
    pub salts: Salts,
    /// The windows of duplicates and sessions.
    pub windows: Mutex<Windows>,
    /// Drops that wait for the flusher.
    pub tallies: Tallies,
    /// Refusals that the log has not told yet.
    pub refusals: Mutex<Refusals>,
    /// Where events become durable.
    pub journal: Journal,
    /// The beacon's files.
    pub assets: Assets,
    /// What bodies may take.
    pub body_memory: Arc<MemoryBudget>,
    /// Where heavy bodies are decoded.
    pub decoding: Decoding,
    /// Metrics.
    pub telemetry: Telemetry,
    /// The connection to central.
    pub relay_status: Status,
    /// The certificate shown to central, and the authority that central must show.
    pub tls: Option<Tls>,
    /// When another edge was last seen to use this one's certificate, milliseconds since 1970, and the sentence about it.
    superseded: Mutex<Option<(i64, String)>>,
}

impl Edge {
    /// Takes the journal's lock, recovers it, reads policy and salts, and rebuilds the windows. Blocks.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(config: Config, parts: Parts) -> Result<Arc<Self>, StartError> {
        let folder = |source| StartError::Folder { path: config.data.clone(), source };
        std::fs::create_dir_all(&config.data).map_err(folder)?;
        let mut options = footfall_journal::Options::new(config.data.join(JOURNAL));
        options.max_bytes = config.journal.max_bytes;
        options.segment_bytes = config.journal.segment_bytes;
        // A record always fits a relay batch, its length prefix included.
        options.max_record_bytes = MAX_BATCH_BYTES as u32 - 4;
        let (journal, recovery) = Journal::open(options)?;
        tracing::info!(records = recovery.records, missing = recovery.missing, torn_bytes = recovery.torn_bytes, took = ?recovery.took, "journal open");
        let (windows, rebuilt) = Windows::rebuild(&journal)?;
        tracing::info!(records = rebuilt.records, unreadable = rebuilt.unreadable, took = ?rebuilt.took, "windows rebuilt");
        let policies = Policies::open(&config.data.join("policy.bin")).map_err(folder)?;
        let salts = Salts::open(&config.data.join("salts"), now_ms()).map_err(folder)?;
        Ok(Arc::new(Self {
            peers: Peers { trusted_proxies: config.http.trusted_proxies.clone() },
            policies,
            geo: parts.geo,
            agents: Agents::default(),
            referrer_hosts: ReferrerHosts::default(),
            salts,
            windows: Mutex::new(windows),
            tallies: Tallies::default(),
            refusals: Mutex::default(),
            journal,
            assets: parts.assets,
            body_memory: MemoryBudget::new(BODY_BUDGET_BYTES),
            decoding: Decoding::default(),
            telemetry: Telemetry::default(),
            relay_status: Status::failing("central has not been reached yet"),
            tls: parts.tls,
            superseded: Mutex::default(),
            config,
        }))
    }

    /// Notes that the journal refused or failed an append.
    pub fn note_journal_failure(&self, error: &AppendError) {
        self.telemetry.journal_failures.inc();
        tracing::debug!(%error, "append failed");
    }

    /// Notes a request that was refused for good, for the metrics and, by the flusher, for the log.
    pub fn note_refusal(&self, reason: DropReason, tracking_id: &str, origin: Option<&str>) {
        self.telemetry.refuse(reason);
        self.refusals.lock().note(reason, tracking_id, origin);
    }

    /// One sentence for each thing that the edge lacks to do its whole job.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let journal = self.journal.stats();
        if !journal.writable {
            missing.push("the journal's last write failed".to_owned());
        }
        if journal.unreleased_bytes + journal.queued_bytes + MAX_BODY_BYTES as u64
            > self.config.journal.max_bytes
        {
            missing.push("the journal is full of events that central has not taken".to_owned());
        }
        if self.policies.current().is_none() {
            missing.push("no policy has come from central yet".to_owned());
        }
        missing.extend(self.relay_status.fault());
        missing
    }

    /// Notes at `now_ms` that another edge uses this one's certificate.
    pub fn note_superseded(&self, sentence: String, now_ms: i64) {
        *self.superseded.lock() = Some((now_ms, sentence));
    }

    /// One sentence for each thing that somebody should look at although the edge does its job, at `now_ms`.
    #[must_use]
    pub fn warnings(&self, now_ms: i64) -> Vec<String> {
        let superseded = self.superseded.lock();
        // A sign that a leap of the clock put into the future would be told for years.
        let recent = superseded.iter().filter(|(at, _)| now_ms.abs_diff(*at) < SUPERSEDED_MS);
        recent.map(|(_, sentence)| sentence.clone()).collect()
    }

    /// The state that metrics show.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let journal = self.journal.stats();
        let policy = self.policies.current();
        let windows = self.windows.lock();
        Snapshot {
            policy_id: policy.as_ref().map_or(0, |policy| policy.id),
            sites: policy.as_ref().map_or(0, |policy| policy.len() as u64),
            relay_up: self.relay_status.is_well(),
            journal_end: self.journal.end(),
            journal_released: self.journal.released(),
            journal_unreleased_bytes: journal.unreleased_bytes,
            journal_bytes: journal.bytes,
            journal_limit_bytes: self.config.journal.max_bytes,
            certificate_expiry: self.tls.as_ref().and_then(|tls| tls.expiry),
            journal_syncs: journal.syncs,
            journal_missing: journal.missing,
            dedup_entries: windows.dedup.len() as u64,
            sessions: windows.session_sources.len() as u64,
        }
    }
}

/// The clock, milliseconds since the Unix epoch: read here, passed on as an argument.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A file that the configuration names is of no use. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// A geography database.
    #[error(transparent)]
    Geo(#[from] GeoError),
    /// The beacon's files.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// Certificates or keys.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A folder.
    #[error(transparent)]
    Folder(#[from] FolderFault),
}

/// Why an edge did not start. Starting again may help.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error("the data folder {} cannot be used: {source}", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The journal did not open.
    #[error("the journal did not open: {0}")]
    Journal(#[from] OpenError),
    /// The journal could not be read back, or is of no use to this build.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
}
