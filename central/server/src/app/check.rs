//! What a start needs besides a sound configuration, looked at before anything is made: folders, certificates, secrets, ports. The same for a start
//! and for `--check`, which leaves everything as it is.

use std::io;
use std::path::{Path, PathBuf};

use footfall_clickhouse::Backend;
use footfall_daemon::certificate::Usage;
use footfall_daemon::certificate::files::FileFault;
use footfall_daemon::folder::{self, Files, FolderFault};
use footfall_daemon::secret::Secret;
use footfall_daemon::{lock, port};
use rustls::pki_types::UnixTime;

use super::LOCK;
use crate::config::{self, Config};

/// Looks at folders, certificates and secrets.
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
    for (key, path) in secrets(config) {
        match Secret::read(path) {
            // The embedded event store's is made at the first start.
            Err(error) if error.kind() == io::ErrorKind::NotFound && key == EVENT_STORE => {}
            Err(source) => return Err(Unfit::Secret { key, path: path.to_owned(), source }),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// The key of the event store's password.
const EVENT_STORE: &str = "event_store.password_file";

/// Every secret that the configuration names, and the key that names it.
fn secrets(config: &Config) -> impl Iterator<Item = (&'static str, &Path)> {
    let kafka = match &config.log {
        config::Log::Kafka(kafka) => kafka.user.as_ref().map(|(_, file)| file),
        config::Log::Embedded { .. } => None,
    };
    let postgresql = match &config.metadata {
        footfall_metadata::Location::Postgresql(server) => Some(&server.password_file),
        footfall_metadata::Location::Sqlite(_) => None,
    };
    let redis = match &config.live {
        footfall_live::Options::Redis(redis) => redis.password_file.as_ref(),
        footfall_live::Options::Memory => None,
    };
    let s3 = match &config.blobs {
        footfall_blobs::Location::S3(s3) => Some(&s3.secret_key_file),
        footfall_blobs::Location::Folder(_) => None,
    };
    let druid = config.druid.iter().flat_map(|druid| &druid.secrets);
    let named = [
        (EVENT_STORE, Some(&config.event_store.password_file)),
        ("log.kafka.password_file", kafka),
        ("metadata.postgresql.password_file", postgresql),
        ("live.redis.password_file", redis),
        ("blobs.s3.secret_key_file", s3),
    ];
    let named = named.into_iter().filter_map(|(key, path)| Some((key, path?.as_path())));
    named.chain(druid.map(|(key, path)| (*key, path.as_path())))
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
    /// A password or a key.
    #[error("`{key}` ({}): {source}", path.display())]
    Secret {
        /// Which key names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        source: io::Error,
    },
    /// A port.
    #[error("`{key}`: {source}")]
    Port {
        /// Which key names it.
        key: &'static str,
        /// What the system says, and what to do.
        source: io::Error,
    },
    /// The lock can be neither opened nor asked.
    #[error("`data`: {0}: let the user that central runs as read and write there")]
    Lock(io::Error),
}
