//! What only one process may hold: the data folder's lock and the port. Both are waited for, as a predecessor may be ending.

use crate::limits::CLAIM_TIME;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const AGAIN: Duration = Duration::from_millis(50);

/// Takes the folder's lock, kept until the file is dropped or the process ends, however it ends.
pub fn data(folder: &Path) -> Result<File, ClaimError> {
    let failed = |source| ClaimError::Data { folder: folder.to_owned(), source };
    let deadline = Instant::now() + CLAIM_TIME;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("event-store.lock"))
        .map_err(failed)?;
    let mut told = false;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                if !told {
                    tracing::info!(folder = %folder.display(), "waiting for another process to release the lock");
                    told = true;
                }
                std::thread::sleep(AGAIN);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(ClaimError::Locked { folder: folder.to_owned() });
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// Binds the address.
pub async fn port(address: SocketAddr) -> Result<TcpListener, ClaimError> {
    let deadline = Instant::now() + CLAIM_TIME;
    let mut told = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                if !told {
                    tracing::info!(%address, "waiting for another process to leave the port");
                    told = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
            Err(source) => return Err(ClaimError::Port { address, source }),
        }
    }
}

/// Why a claim failed. Transient: whoever holds it may let go.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another process holds the data.
    #[error("another event-store holds {folder}: stop it first")]
    Locked {
        /// The data folder.
        folder: PathBuf,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {folder}: {source}")]
    Data {
        /// The data folder.
        folder: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The port is taken, or not ours to take.
    #[error("cannot listen on {address}: {source}")]
    Port {
        /// What was asked for.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
}
