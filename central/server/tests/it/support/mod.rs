//! A real event store, a real log and a real sink for the tests of this folder.

#![allow(dead_code, reason = "each test program uses its own part of this")]

pub(crate) mod central;
pub(crate) mod live_events;
pub(crate) mod redis;
pub(crate) mod running;
pub(crate) mod s3;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clickhouse::Client;
use footfall_clickhouse::{Backend, EventStore, Layout, Options, Program, QueryClient, Servers};
use footfall_daemon::secret::Secret;
use footfall_harness::process::Process;
pub(crate) use footfall_harness::record::{DAY_MS, NOON_MS, record_of};
pub(crate) use footfall_harness::services;
use footfall_live::Answers;
use footfall_log::{Log, Partition};
use footfall_query::Reports;
use footfall_tables::SCHEMA;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The `event-store` program, built beside this test.
pub(crate) fn event_store() -> PathBuf {
    let central = PathBuf::from(env!("CARGO_BIN_EXE_central"));
    let program = central.with_file_name("event-store");
    assert!(program.is_file(), "these tests need the event store: cargo build -p footfall-event-store");
    program
}

/// The engine's library, from where `cargo xtask fetch` puts it.
pub(crate) fn library() -> PathBuf {
    let fetched = || {
        let home = std::env::home_dir()?;
        Some(home.join(".cache/footfall/chdb-26.7.3-stable.1/libchdb.so"))
    };
    let path =
        std::env::var_os("FOOTFALL_LIBCHDB").map(PathBuf::from).or_else(fetched).expect("a home folder");
    assert!(
        path.is_file(),
        "these tests need {}: cargo xtask fetch, or set FOOTFALL_LIBCHDB",
        path.display()
    );
    path
}

/// Reports that ask the event store each time.
pub(crate) fn reports(client: QueryClient) -> Reports {
    Reports::new(client, Answers::memory(), Duration::ZERO, footfall_query::Metrics::default())
}

/// Writes a file that only its owner can read, as a secret has to be.
pub(crate) fn private(path: &Path, text: &str) {
    footfall_daemon::file::replace_unsynced(path, text.as_bytes(), 0o600).expect("written");
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// An event store that runs for one test: a child of its own, or servers that somebody else started.
pub(crate) struct Engine {
    pub(crate) store: EventStore,
    /// A client of each shard that may do everything.
    clients: Vec<Client>,
    servers: Vec<Server>,
    stop: CancellationToken,
    watch: JoinHandle<()>,
}

impl Engine {
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::start_program(dir, event_store()).await
    }

    /// With another program in the event store's place.
    pub(crate) async fn start_program(dir: &Path, executable: PathBuf) -> Self {
        let password_file = dir.join("clickhouse.password");
        let program = Program {
            executable,
            data: dir.join("event-store"),
            listen: free_port(),
            library: Some(library()),
            database: "footfall".into(),
            user: "footfall".into(),
            password_file: password_file.clone(),
            ready_file: dir.join("event-store.json"),
            pid_file: dir.join("event-store.pid"),
        };
        Self::open(Backend::Embedded(program), password_file, Vec::new()).await
    }

    /// Over as many servers that know nothing of each other, a shard each.
    pub(crate) async fn start_shards(dir: &Path, shards: usize) -> Self {
        let servers: Vec<_> =
            (0..shards).map(|shard| Server::start(&dir.join(format!("shard-{shard}")))).collect();
        let password = "of all servers";
        private(&dir.join("clickhouse.password"), password);
        let backend = nodes(servers.iter().map(|server| vec![server.url.clone()]).collect());
        Self::open(backend, dir.join("clickhouse.password"), servers).await
    }

    async fn open(backend: Backend, password_file: PathBuf, servers: Vec<Server>) -> Self {
        let options = Options {
            backend: backend.clone(),
            database: "footfall".into(),
            user: "footfall".into(),
            password_file: password_file.clone(),
        };
        let stop = CancellationToken::new();
        let (store, watch) =
            EventStore::start(options, &SCHEMA, stop.clone()).expect("the event store starts");
        let urls = match backend {
            Backend::Embedded(_) => vec![store.url().to_owned()],
            Backend::Servers(servers) => {
                servers.shards.into_iter().map(|mut shard| shard.remove(0)).collect()
            }
        };
        let password = Secret::read(&password_file).expect("made at the first start");
        let client = Client::default()
            .with_database("footfall")
            .with_user("footfall")
            .with_password(password.reveal());
        let clients = urls.into_iter().map(|url| client.clone().with_url(url)).collect();
        let engine = Self { store, clients, servers, stop, watch };
        engine.ready().await;
        engine
    }

    pub(crate) async fn ready(&self) {
        let ready = tokio::time::timeout(Duration::from_mins(1), self.store.ready()).await;
        ready.unwrap_or_else(|_| panic!("not ready: {:?}", self.store.faults()));
    }

    /// A client of the first shard that may do everything.
    pub(crate) fn client(&self) -> Client {
        self.clients[0].clone()
    }

    /// A client of each shard.
    pub(crate) fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// A sum over all shards.
    pub(crate) async fn count(&self, what: &str) -> u64 {
        let question = format!("SELECT toUInt64({what}) FROM events_local");
        let mut sum = 0;
        for client in &self.clients {
            sum += client.query(&question).fetch_one::<u64>().await.expect("an answer");
        }
        sum
    }

    /// Ends the child as a crash would.
    pub(crate) fn kill(&self) -> bool {
        let Some(pid) = self.store.pid() else { return false };
        Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill runs").success()
    }

    /// A server that somebody else started.
    pub(crate) fn server(&mut self, shard: usize) -> &mut Server {
        &mut self.servers[shard]
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.watch).await.expect("in time").expect("watched");
    }
}

/// Servers that know nothing of each other.
pub(crate) fn nodes(shards: Vec<Vec<String>>) -> Backend {
    Backend::Servers(Servers { shards, ca: None, layout: Layout::Node })
}

/// An `event-store` process as a server elsewhere would be; its password is "of all servers". It ends when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    dir: PathBuf,
    process: Process,
}

impl Server {
    pub(crate) fn start(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("made");
        private(&dir.join("password"), "of all servers");
        let process = Self::spawn(dir, "127.0.0.1:0");
        Self { url: process.said("url").to_owned(), dir: dir.to_owned(), process }
    }

    fn spawn(dir: &Path, listen: &str) -> Process {
        let mut command = Command::new(event_store());
        command.args(["--until-eof", "--listen", listen]).arg("--data").arg(dir.join("data"));
        command.arg("--password-file").arg(dir.join("password")).arg("--library").arg(library());
        Process::start(&mut command)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it where it was, with another password.
    pub(crate) fn come_back_with(&mut self, password: &str) {
        private(&self.dir.join("password"), password);
        self.come_back();
    }

    /// Starts it where it was.
    pub(crate) fn come_back(&mut self) {
        let listen = self.url.strip_prefix("http://").expect("a URL").to_owned();
        self.process = Self::spawn(&self.dir, &listen);
        self.process.said("url").clone_into(&mut self.url);
    }
}

pub(crate) async fn open_log(dir: &Path) -> Log {
    let options = footfall_log::embedded::Options {
        dir: dir.to_owned(),
        max_bytes: 1 << 30,
        segment_bytes: 4 << 20,
        lock_wait: Duration::from_secs(5),
    };
    Log::embedded(options, footfall_log::Metrics::default()).await.expect("the log opens")
}

/// The only partition of an embedded log.
pub(crate) fn only(log: &Log) -> Partition {
    log.partition(0).expect("it is owned")
}

/// A record of one site with `events` page views whose ids hold `number` and their index; every fifth record is of the day before.
pub(crate) fn record(number: u64, events: u8) -> Bytes {
    let day = if number.is_multiple_of(5) { DAY_MS } else { 0 };
    record_at(number, events, NOON_MS - day + number as i64)
}

/// The same at a time of its own, milliseconds since 1970.
pub(crate) fn record_at(number: u64, events: u8, server_timestamp_ms: i64) -> Bytes {
    record_of("0191d0a4-0000-7000-8000-000000000001", number, events, server_timestamp_ms)
}

/// Appends records `first..first + count` of epoch `epoch`, as an edge would send them.
pub(crate) async fn append(log: &Log, epoch: u8, first: u64, count: u64) {
    let records = (first..first + count).map(|number| record(number, 2)).collect();
    log.appender("edge-1")
        .append(Bytes::copy_from_slice(&[epoch; 16]), first, records)
        .await
        .expect("appended");
}

/// Appends records that nobody would make, as an edge would send them.
pub(crate) async fn send(
    log: &Log,
    edge: &str,
    epoch: Bytes,
    first: u64,
    records: Vec<Bytes>,
) -> Result<(), footfall_log::Refused> {
    log.appender(edge).append(epoch, first, records).await
}

/// An HTTP client that speaks to this machine.
pub(crate) fn http() -> reqwest::Client {
    // It wants to know how to encrypt, though nothing here is encrypted; another test may have said so already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().expect("a client")
}

/// Waits until `done` says so.
pub(crate) async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done().await {
        assert!(Instant::now() < deadline, "{what} did not come about in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
