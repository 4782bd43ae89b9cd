//! One ClickHouse server: its clients, one that writes and one that only reads, and its status.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use clickhouse::error::Error;
use clickhouse::insert_formatted::InsertFormatted;
use clickhouse::{Client, Compression};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client as PoolOf;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;

use super::block::Block;
use super::connector::{Connector, IDLE_TIMEOUT, connector};
use super::error::{Cause, StoreError, deepest};
use super::server_status::ServerStatus;
use footfall_daemon::secret::Secret;

/// How long a chunk of an insert may take to be sent, and then the whole to be stored.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const STORE_TIMEOUT: Duration = Duration::from_mins(1);

/// How to connect to servers, and as whom.
#[derive(Clone, Debug)]
pub(super) struct ConnectionOptions {
    pub(super) database: String,
    pub(super) user: String,
    /// None where nobody may write, and reading takes none.
    pub(super) password: Option<Secret>,
    /// Where the password is read again: a person may have corrected it. None where it is of our own making.
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    /// Whether a child of this process serves there.
    pub(super) is_child: bool,
}

/// One server.
pub(super) struct Server {
    url: Arc<str>,
    clients: ArcSwap<Clients>,
    password_file: Option<PathBuf>,
    /// Whether that could not be read when it was last tried.
    password_unread: AtomicBool,
    pinger: Pool,
    status: watch::Receiver<ServerStatus>,
}

/// Its clients, with the password as it was last read.
struct Clients {
    writer: Client,
    reader: Client,
    password: Option<Secret>,
}

/// Connections for requests without a body.
type Pool = PoolOf<Connector, Empty<Bytes>>;

impl Server {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the certificates to trust cannot be read.
    pub(super) fn new(
        url: &str,
        options: &ConnectionOptions,
    ) -> io::Result<(Self, watch::Sender<ServerStatus>)> {
        let url: Arc<str> = url.trim_end_matches('/').into();
        let (sender, status) = watch::channel(ServerStatus {
            answering: Err(format!("the event store at {url} has not answered yet")),
            inserting: Ok(()),
            pid: None,
            restarts: 0,
            is_unresponsive: false,
        });
        let child = options.is_child.then(|| status.clone());
        let connector = connector(&url, options.ca.as_deref(), child)?;
        let mut pool = PoolOf::builder(TokioExecutor::new());
        pool.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new());
        let pinger = pool.build(connector.clone());
        // Compression pays only across a network.
        let compression = if is_on_this_machine(&url) { Compression::None } else { Compression::Lz4 };
        let client =
            Client::with_http_client(pool.build(connector)).with_url(&*url).with_database(&options.database);
        let anonymous = client.with_compression(compression);
        let password = options.password.clone();
        let (writer, reader) = match &password {
            Some(password) => {
                let writer = anonymous.with_user(&options.user).with_password(password.reveal());
                let reader = read_only(&writer);
                (writer, reader)
            }
            None => (anonymous.clone(), anonymous),
        };
        let clients = ArcSwap::from_pointee(Clients { writer, reader, password });
        let password_file = options.password_file.clone();
        let password_unread = AtomicBool::new(false);
        Ok((Self { url, clients, password_file, password_unread, pinger, status }, sender))
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A client that may do everything.
    pub(super) fn writer(&self) -> Client {
        self.clients.load().writer.clone()
    }

    /// A client that may only read.
    pub(super) fn reader(&self) -> Client {
        self.clients.load().reader.clone()
    }

    /// Uses the password that stands in its file now. Where that cannot be read, the old one stays: the server itself says whether it is
    /// right.
    pub(super) fn reload_password(&self) {
        let Some(path) = self.password_file.as_deref() else { return };
        let password = match Secret::read(path) {
            Ok(password) => password,
            Err(error) => {
                if !self.password_unread.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, path = %path.display(), "the password cannot be read again: the old one stays in use");
                }
                return;
            }
        };
        self.password_unread.store(false, Ordering::Relaxed);
        let known = self.clients.load();
        if known.password.as_ref() != Some(&password) {
            let writer = known.writer.clone().with_password(password.reveal());
            let reader = read_only(&writer);
            tracing::info!(server = &*self.url, "the password has changed");
            self.clients.store(Arc::new(Clients { writer, reader, password: Some(password) }));
        }
    }

    /// What is known of it.
    pub(super) fn status(&self) -> ServerStatus {
        self.status.borrow().clone()
    }

    /// Whether it answered when it was last asked.
    pub(super) fn is_answering(&self) -> bool {
        self.status.borrow().answering.is_ok()
    }

    /// Waits until it answers.
    pub(super) async fn wait_until_available(&self) {
        let mut status = self.status.clone();
        if status.wait_for(|status| status.answering.is_ok()).await.is_err() {
            // The health check has ended: it will never be known to answer.
            std::future::pending::<()>().await;
        }
    }

    /// Whether it answers now.
    ///
    /// # Errors
    /// Why not, in a few words.
    pub(super) async fn ping(&self) -> Result<(), String> {
        let url: http::Uri = format!("{}/ping", self.url).parse().map_err(|error| format!("{error}"))?;
        let answer = self.pinger.get(url).await.map_err(|error| deepest(&error))?;
        let status = answer.status();
        // Read to its end, so that the connection can be used again.
        answer.into_body().collect().await.map_err(|error| deepest(&error))?;
        if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
    }

    /// Sends rows. Whatever it says, they may be stored, or may yet be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn insert(&self, insert: InsertFormatted, rows: &Block) -> Result<(), StoreError> {
        let mut insert = insert.with_timeouts(Some(SEND_TIMEOUT), Some(STORE_TIMEOUT));
        for chunk in rows.chunks() {
            insert.send(chunk).await.map_err(|error| self.error(error))?;
        }
        insert.end().await.map_err(|error| self.error(error))
    }

    /// An error of its client, with its name.
    pub(super) fn error(&self, error: Error) -> StoreError {
        StoreError::new(&self.url, error)
    }

    /// No answer in time.
    pub(super) fn timed_out(&self) -> StoreError {
        StoreError::new(&self.url, Cause::TimedOut)
    }

    /// Killed inserts that do not end.
    pub(super) fn still_running(&self, running: u64) -> StoreError {
        StoreError::new(&self.url, Cause::StillRunning(running))
    }
}

/// Whether a server is on this machine.
fn is_on_this_machine(url: &str) -> bool {
    match url.parse::<url::Url>().as_ref().map(url::Url::host) {
        Ok(Some(url::Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(url::Host::Ipv6(address))) => address.is_loopback(),
        Ok(Some(url::Host::Domain(name))) => name == "localhost",
        Ok(None) | Err(_) => false,
    }
}

/// A client that may only read, of one that may do everything. It shows the password all the same: who asks without one is a stranger, and
/// strangers wait for each other. 2 rather than 1, which would refuse the limits that each statement names.
fn read_only(writer: &Client) -> Client {
    writer.clone().with_setting("readonly", "2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_is_recognised_by_its_url() {
        for here in ["http://127.0.0.1:8123", "https://[::1]:8443", "http://localhost:8123"] {
            assert!(is_on_this_machine(here), "{here}");
        }
        for elsewhere in
            ["http://10.0.0.1:8123", "https://store.example:8443", "http://localhost.example", "no URL"]
        {
            assert!(!is_on_this_machine(elsewhere), "{elsewhere}");
        }
    }
}
