//! The event store: ClickHouse's HTTP interface, served by a child process that is watched over here, or by servers elsewhere, shard by
//! shard and replica by replica; its schema, and its rows by log coordinates. Knows nothing of the log itself.

pub mod block;
mod child;
mod connector;
mod error;
mod health_check;
mod layout;
mod migration;
mod partition_writer;
mod pid_file;
mod query_client;
mod replica_selector;
pub mod row;
mod server;
mod shard;
mod staging_table;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use footfall_daemon::secret::Secret;

/// What deriving [`Row`] in another crate names: `#[clickhouse(crate = "footfall_clickhouse::client")]`.
#[doc(hidden)]
pub use ::clickhouse as client;
pub use child::Program;
pub use error::StoreError;
pub use layout::Layout;
pub use migration::{Disagreement, MigrationError, schema};
pub use partition_writer::{Coordinate, PartitionWriter};
pub use query_client::{Answer, Limits, QueryClient, QueryError, Row, Statement, Value};
use server::{ConnectionOptions, Server, ServerStatus};
use shard::Shard;
pub use shard::shard_of;
pub use staging_table::{StagingTable, StoredDay};

/// Which event store, and as whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub backend: Backend,
    /// The database.
    pub database: String,
    /// Who may write.
    pub user: String,
    /// ... with the password in this file; made when it is missing and the store is embedded, read again and again where it is not.
    pub password_file: PathBuf,
}

/// Where the event store is.
#[derive(Clone, Debug)]
pub enum Backend {
    /// A child of this process.
    Embedded(Program),
    /// Servers elsewhere.
    Servers(Servers),
}

/// Servers elsewhere.
#[derive(Clone, Debug)]
pub struct Servers {
    /// The URLs of each shard's replicas; at least one shard, and one replica each.
    pub shards: Vec<Vec<String>>,
    /// Certificates to trust where a URL says https; without it the system's.
    pub ca: Option<PathBuf>,
    /// Whether they know each other.
    pub layout: Layout,
}

/// A handle of the event store; clones share it.
#[derive(Clone)]
pub struct EventStore {
    shards: Arc<[Arc<Shard>]>,
}

/// Who is told what becomes of a server, and of a shard's schema.
type Told = (Vec<watch::Sender<ServerStatus>>, watch::Sender<Result<(), String>>);

impl EventStore {
    /// Begins to start, watch and migrate the store, and returns at once: see [`ready`](Self::ready). It ends after `stop`, when
    /// the task has. Needs a runtime.
    ///
    /// # Errors
    /// When the password file can be neither read nor made, or the certificates to trust cannot be read.
    pub fn start(options: Options, stop: CancellationToken) -> io::Result<(Self, JoinHandle<()>)> {
        let embedded = matches!(options.backend, Backend::Embedded(_));
        let keep = if embedded { Secret::keep } else { Secret::read };
        let password = keep(&options.password_file).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", options.password_file.display()))
        })?;
        let (program, servers) = match options.backend {
            Backend::Embedded(program) => {
                let shards = vec![vec![format!("http://{}", program.listen)]];
                (Some(program), Servers { shards, ca: None, layout: Layout::Node })
            }
            Backend::Servers(servers) => (None, servers),
        };
        let (user, database, ca) = (options.user, options.database, servers.ca);
        let options = ConnectionOptions {
            user,
            database: database.clone(),
            ca,
            password: Some(password),
            password_file: (!embedded).then_some(options.password_file),
            embedded,
        };
        let mut shards = Vec::new();
        let mut told = Vec::new();
        for replicas in servers.shards {
            let replicas: io::Result<Vec<_>> =
                replicas.iter().map(|url| Server::new(url, &options)).collect();
            let (replicas, statuses): (Vec<_>, Vec<_>) = replicas?.into_iter().unzip();
            let (shard, schema) = Shard::new(replicas, servers.layout.clone());
            shards.push(Arc::new(shard));
            told.push((statuses, schema));
        }
        let store = Self { shards: shards.into() };
        let watching = tokio::spawn(watch(store.clone(), program, database, told, stop));
        Ok((store, watching))
    }

    /// The URL of its first server.
    pub fn url(&self) -> &str {
        self.shards[0].server(0).url()
    }

    /// How many shards it has.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Answers questions about what is stored.
    pub fn query_client(&self) -> QueryClient {
        QueryClient::new(Arc::clone(&self.shards))
    }

    /// The embedded store's process id, while it serves.
    pub fn pid(&self) -> Option<u32> {
        self.shards[0].server(0).status().pid
    }

    /// How often the embedded store had to be started again.
    pub fn restarts(&self) -> u64 {
        self.shards[0].server(0).status().restarts
    }

    /// Waits until each shard answers and its schema is up to date.
    pub async fn ready(&self) {
        join_all(self.shards.iter().map(|shard| shard.ready())).await;
    }

    /// Servers that do not answer, also where another one has their rows.
    pub fn unavailable_servers(&self) -> usize {
        self.shards.iter().map(|shard| shard.unavailable().len()).sum()
    }

    /// What keeps it from being used, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        self.shards.iter().flat_map(|shard| shard.faults()).collect()
    }

    /// The stored rows of one partition of a log: those of one shard.
    pub fn partition_writer(&self, incarnation: [u8; 16], number: u32) -> PartitionWriter {
        let shard = &self.shards[number as usize % self.shards.len()];
        PartitionWriter::new(Arc::clone(shard), incarnation, number)
    }
}

impl EventStore {
    /// The tables beside, into which a day is loaded.
    pub fn staging_table(&self) -> StagingTable {
        StagingTable::new(Arc::clone(&self.shards))
    }
}

/// Everything that goes on around the store, until told to stop.
async fn watch(
    store: EventStore,
    program: Option<Program>,
    database: String,
    told: Vec<Told>,
    stop: CancellationToken,
) {
    let embedded = program.is_some();
    let mut checks = Vec::new();
    let mut schemas = Vec::new();
    let mut first = None;
    for (shard, (statuses, schema)) in store.shards.iter().zip(told) {
        for (server, status) in shard.servers().iter().zip(statuses) {
            let status = Arc::new(status);
            first.get_or_insert_with(|| Arc::clone(&status));
            checks.push(health_check::run(server, embedded, status));
        }
        schemas.push(shard.migrate(&database, schema));
    }
    let child = async {
        match (program, first) {
            (Some(program), Some(status)) => child::supervise(program, status, stop.clone()).await,
            _ => stop.cancelled().await,
        }
    };
    tokio::select! {
        () = child => {}
        _ = async { tokio::join!(join_all(checks), join_all(schemas)) } => {}
    }
}
