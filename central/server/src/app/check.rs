//! What a start needs besides a sound configuration, looked at before anything is made: folders, certificates, ports. The same for a start
//! and for `--check`, which leaves everything as it is.

use footfall_clickhouse::Backend;
use footfall_daemon::certificate::Usage;
use footfall_daemon::certificate::files::FileFault;
use footfall_daemon::folder::{self, Files, FolderFault};
use footfall_daemon::{lock, port};
use rustls::pki_types::UnixTime;

use super::LOCK;
use crate::config::{self, Config};

/// Looks at folders and certificates.
///
/// # Errors
/// [`Unfit`]: the configuration, or what it names, is to be corrected.
pub fn check(config: &Config, now: UnixTime) -> Result<(), Unfit> {
    let data = &config.data;
    // The metadata's file may be read-only for a while: `/readyz` says so, and events are taken in.
    folder::check("data", data, Files::Read)?;
    if matches!(config.log, config::Log::Embedded { .. }) {
        folder::check("data", &data.join("log"), Files::Any)?;
        folder::check("data", &data.join("log/journal"), Files::Write)?;
    }
    if let Backend::Embedded(program) = &config.event_store.backend {
        folder::check("data", &program.data, Files::Any)?;
    }
    if let footfall_blobs::Location::Folder(blobs) = &config.blobs {
        folder::check("blobs.folder", blobs, Files::Any)?;
    }
    config.relay.files().check(Usage::Server, now)?;
    Ok(())
}

/// Looks whether the ports can be bound. While a central runs on this data they are taken, as they should be: then they are not looked at.
///
/// # Errors
/// [`Unfit`].
pub async fn check_ports(config: &Config) -> Result<(), Unfit> {
    if lock::is_held(&config.data.join(LOCK)).map_err(Unfit::Lock)? {
        tracing::info!("a central runs on this data: its ports were not looked at");
        return Ok(());
    }
    let named = |key| move |source| Unfit::Port { key, source };
    port::check(config.http.listen).await.map_err(named("http.listen"))?;
    if let Some(metrics) = config.http.metrics_listen {
        port::check(metrics).await.map_err(named("http.metrics_listen"))?;
    }
    port::check_udp(config.relay.listen).map_err(named("relay.listen"))?;
    if let Backend::Embedded(program) = &config.event_store.backend {
        port::check(program.listen).await.map_err(named("event_store.listen"))?;
    }
    Ok(())
}

/// What keeps central from starting, in one sentence with the remedy. Permanent until somebody helps.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// A folder.
    #[error(transparent)]
    Folder(#[from] FolderFault),
    /// A certificate, its key or its authority.
    #[error(transparent)]
    Certificate(#[from] FileFault),
    /// A port.
    #[error("`{key}`: {source}")]
    Port {
        /// Which key names it.
        key: &'static str,
        /// What the system says, and what to do.
        source: std::io::Error,
    },
    /// The lock can be neither opened nor asked.
    #[error("`data`: {0}: let the user that central runs as read and write there")]
    Lock(std::io::Error),
}
