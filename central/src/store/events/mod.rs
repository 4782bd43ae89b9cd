//! The event store: ClickHouse's HTTP interface, served by a child process that is watched over here, or by a server elsewhere; its
//! schema, and its rows by log coordinates. Knows nothing of the log itself.

mod child;
mod error;
mod health;
mod migration;
mod orphan;
mod partition;
mod password;
pub mod row;
mod staging;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::{Client, Compression};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use child::Program;
pub use error::StoreError;
pub use migration::{Layout, MigrationError};
pub use partition::{Coordinate, Partition};
pub use password::Password;
pub use staging::{Held, Staging};

/// From one attempt at the schema to the next.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest that a report may run, seconds.
const REPORT_SECONDS: u32 = 30;

/// Which event store, and as whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub place: Place,
    /// The database.
    pub database: String,
    /// Who may write.
    pub user: String,
    /// ... with the password in this file; made when it is missing and the store is embedded.
    pub password_file: PathBuf,
}

/// Where the event store is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A child of this process.
    Embedded(Program),
    /// A server at this URL.
    Server(String),
}

/// How the event store is.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The child's process id, while it serves.
    pub pid: Option<u32>,
    /// Whether it answers, or a sentence.
    pub answering: Result<(), String>,
    /// Whether the schema is up to date, or a sentence.
    pub migrated: Result<(), String>,
    /// How often the child had to be started again.
    pub restarts: u64,
    /// It was silent for so long that it is better ended.
    given_up: bool,
}

/// A handle of the event store; clones share it.
#[derive(Clone)]
pub struct EventStore {
    writer: Client,
    reports: Client,
    url: String,
    condition: watch::Receiver<Condition>,
}

impl EventStore {
    /// Begins to start, watch and migrate the store, and returns at once: see [`ready`](Self::ready). It ends after `stop`, when
    /// the task has. Needs a runtime.
    ///
    /// # Errors
    /// When the password file can be neither read nor made.
    pub fn start(options: Options, stop: CancellationToken) -> io::Result<(Self, JoinHandle<()>)> {
        let (url, embedded) = match &options.place {
            Place::Embedded(program) => (format!("http://{}", program.listen), true),
            Place::Server(url) => (url.trim_end_matches('/').to_owned(), false),
        };
        let keep = if embedded { Password::keep } else { Password::read };
        let password = keep(&options.password_file).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", options.password_file.display()))
        })?;
        // Over loopback, compressing costs more than it saves.
        let compression = if embedded { Compression::None } else { Compression::Lz4 };
        let anonymous =
            Client::default().with_url(&url).with_database(&options.database).with_compression(compression);
        let writer = anonymous.clone().with_user(&options.user).with_password(password.reveal());
        let reports = if embedded { anonymous } else { writer.clone().with_setting("readonly", "2") };
        let reports = reports.with_setting("max_execution_time", REPORT_SECONDS.to_string());
        let waiting = || Err("the event store has not answered yet".to_owned());
        let (sender, condition) = watch::channel(Condition {
            pid: None,
            answering: waiting(),
            migrated: waiting(),
            restarts: 0,
            given_up: false,
        });
        let sender = Arc::new(sender);
        let store = Self { writer, reports, url, condition };
        let watching = tokio::spawn(watch(store.clone(), options, sender, stop));
        Ok((store, watching))
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client that may only read, and not for long.
    pub fn reports(&self) -> Client {
        self.reports.clone()
    }

    /// How it is.
    pub fn condition(&self) -> Condition {
        self.condition.borrow().clone()
    }

    /// Waits until it answers and its schema is up to date.
    pub async fn ready(&self) {
        let mut condition = self.condition.clone();
        let ready = |condition: &Condition| condition.answering.is_ok() && condition.migrated.is_ok();
        if condition.wait_for(ready).await.is_err() {
            // It was told to stop, and will never be.
            std::future::pending::<()>().await;
        }
    }

    /// What keeps it from being used, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        let condition = self.condition.borrow();
        match (&condition.answering, &condition.migrated) {
            (Err(sentence), _) | (Ok(()), Err(sentence)) => vec![sentence.clone()],
            (Ok(()), Ok(())) => Vec::new(),
        }
    }

    /// The stored rows of one partition of a log.
    pub fn partition(&self, incarnation: [u8; 16], number: u32) -> Partition {
        Partition::new(self.writer.clone(), incarnation, number)
    }
}

impl EventStore {
    /// The table beside, into which a day is loaded.
    pub fn staging(&self) -> Staging {
        Staging::new(self.writer.clone())
    }
}

/// Everything that goes on around the store, until told to stop.
async fn watch(
    store: EventStore,
    options: Options,
    condition: Arc<watch::Sender<Condition>>,
    stop: CancellationToken,
) {
    let embedded = matches!(options.place, Place::Embedded(_));
    let health = health::check(store.url.clone(), embedded, Arc::clone(&condition));
    let schema = migrate(&store, &options.database, &condition);
    let child = async {
        match options.place {
            Place::Embedded(program) => child::supervise(program, Arc::clone(&condition), stop.clone()).await,
            Place::Server(_) => stop.cancelled().await,
        }
    };
    tokio::select! {
        () = child => {}
        () = async { tokio::join!(health, schema); } => {}
    }
}

async fn migrate(store: &EventStore, database: &str, condition: &watch::Sender<Condition>) {
    let mut answering = store.condition.clone();
    loop {
        if answering.wait_for(|condition| condition.answering.is_ok()).await.is_err() {
            return;
        }
        match migration::apply(&store.writer, database, &Layout::Node).await {
            Ok(()) => {
                condition.send_modify(|condition| condition.migrated = Ok(()));
                return;
            }
            Err(error) => {
                tracing::error!(%error, "the schema is not up to date");
                condition.send_modify(|condition| condition.migrated = Err(error.to_string()));
                sleep(PAUSE).await;
            }
        }
    }
}
