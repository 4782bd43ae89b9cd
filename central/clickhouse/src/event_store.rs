//! The event store as a whole: which servers it has, and what goes on around them until it is told to stop: the supervised child, health
//! checks, inserts that are tried, and migrations.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::child::{self, Program};
use super::health_check;
use super::insert_probe;
use super::layout::Layout;
use super::partition_statements::PartitionStatements;
use super::partition_writer::PartitionWriter;
use super::query_client::QueryClient;
use super::schema::Schema;
use super::server::{ConnectionOptions, Server};
use super::server_status::ServerStatus;
use super::shard::Shard;
use super::staging_table::StagingTable;
use super::table::Table;
use footfall_daemon::secret::Secret;

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

/// Where the background tasks of one shard write down how its servers and its schema are.
struct ShardStatus {
    servers: Vec<watch::Sender<ServerStatus>>,
    schema: watch::Sender<Result<(), String>>,
}

impl EventStore {
    /// Begins to start and check the store and to bring it up to date with a schema, and returns at once: see [`ready`](Self::ready). It
    /// ends after `stop`, when the task has. Needs a runtime.
    ///
    /// # Errors
    /// When the password file can be neither read nor made, or the certificates to trust cannot be read.
    pub fn start(
        options: Options,
        schema: &'static Schema,
        stop: CancellationToken,
    ) -> io::Result<(Self, JoinHandle<()>)> {
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
            is_child: embedded,
        };
        let mut shards = Vec::new();
        let mut statuses = Vec::new();
        for replicas in servers.shards {
            let replicas: io::Result<Vec<_>> =
                replicas.iter().map(|url| Server::new(url, &options)).collect();
            let (replicas, servers_status): (Vec<_>, Vec<_>) = replicas?.into_iter().unzip();
            let (shard, schema_status) = Shard::new(replicas, servers.layout.clone());
            shards.push(Arc::new(shard));
            statuses.push(ShardStatus { servers: servers_status, schema: schema_status });
        }
        let store = Self { shards: shards.into() };
        let running = tokio::spawn(run(store.clone(), program, database, schema, statuses, stop));
        Ok((store, running))
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

    /// Writes the rows of one partition of a log into a table: those of one shard.
    pub fn partition_writer(
        &self,
        table: &'static Table,
        incarnation: [u8; 16],
        number: u32,
    ) -> PartitionWriter {
        let shard = &self.shards[number as usize % self.shards.len()];
        PartitionWriter::new(Arc::clone(shard), table, incarnation, number)
    }

    /// Runs statements for one partition of a log on its shard; `purpose` marks them.
    pub fn partition_statements(&self, purpose: &'static str, number: u32) -> PartitionStatements {
        let shard = &self.shards[number as usize % self.shards.len()];
        PartitionStatements::new(Arc::clone(shard), purpose, number)
    }

    /// The table beside a table, into which a day is loaded.
    pub fn staging_table(&self, table: &'static Table) -> StagingTable {
        StagingTable::new(Arc::clone(&self.shards), table)
    }
}

/// Everything that goes on around the store, until told to stop.
async fn run(
    store: EventStore,
    program: Option<Program>,
    database: String,
    schema: &'static Schema,
    statuses: Vec<ShardStatus>,
    stop: CancellationToken,
) {
    let embedded = program.is_some();
    let (mut checks, mut probes) = (Vec::new(), Vec::new());
    let mut migrations = Vec::new();
    let mut first = None;
    for (shard, status) in store.shards.iter().zip(statuses) {
        let schema_status = status.schema;
        for (server, status) in shard.servers().iter().zip(status.servers) {
            let status = Arc::new(status);
            first.get_or_insert_with(|| Arc::clone(&status));
            checks.push(health_check::run(server, embedded, Arc::clone(&status)));
            probes.push(insert_probe::run(shard, server, schema, status));
        }
        migrations.push(shard.migrate(&database, schema, schema_status));
    }
    let child = async {
        match (program, first) {
            (Some(program), Some(status)) => child::supervise(program, status, stop.clone()).await,
            _ => stop.cancelled().await,
        }
    };
    tokio::select! {
        () = child => {}
        _ = async { tokio::join!(join_all(checks), join_all(probes), join_all(migrations)) } => {}
    }
}
