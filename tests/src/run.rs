//! What `cargo xtask up` says about a run: its READY line and run.json.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The JSON of both.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    /// Where people and programs talk to it.
    pub urls: Urls,
    /// The relay's UDP address.
    pub relay: String,
    /// The demo website's tracking id.
    pub tracking_id: String,
    /// The database.
    pub clickhouse: ClickHouse,
    /// The processes.
    pub pids: Pids,
    /// The folder that holds all state.
    pub data: PathBuf,
    /// services.json of the real servers, when the run has some.
    #[serde(default)]
    pub services: Option<PathBuf>,
}

/// Without a slash at the end.
#[derive(Debug, Clone, Deserialize)]
pub struct Urls {
    /// Takes events.
    pub edge: String,
    /// The edge's health, readiness and metrics.
    pub edge_health: String,
    /// Dashboard and API.
    pub central: String,
    /// A few pages that carry the tag.
    pub demo: String,
}

/// How to ask ClickHouse with every right.
#[derive(Debug, Clone, Deserialize)]
pub struct ClickHouse {
    /// HTTP interface.
    pub url: String,
    /// Its user.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
}

/// Process ids by name.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
pub struct Pids {
    /// edge-collector.
    pub edge: u32,
    /// central.
    pub central: u32,
    /// event-store: central's child, or the shard of the demo website.
    pub event_store: u32,
    /// `cargo xtask up` itself.
    pub up: u32,
}

/// One of the processes that a story may kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// edge-collector
    Edge,
    /// central
    Central,
    /// event-store
    EventStore,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Edge, Self::Central, Self::EventStore];

    /// The name of its executable.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Edge => "edge-collector",
            Self::Central => "central",
            Self::EventStore => "event-store",
        }
    }
}

impl Pids {
    /// The pid of one server.
    #[must_use]
    pub const fn of(self, server: Server) -> u32 {
        match server {
            Server::Edge => self.edge,
            Server::Central => self.central,
            Server::EventStore => self.event_store,
        }
    }
}

/// Whether a process with this pid runs this program.
#[must_use]
pub fn is_running(pid: u32, program: &str) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe"))
        .is_ok_and(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(program)))
}

/// `kill -9`. Panics when no such process runs the program: a pid may have been given to somebody else.
pub fn kill(pid: u32, program: &str) {
    signal(pid, program, rustix::process::Signal::KILL);
}

/// `kill -9` of a process that may have ended by itself meanwhile.
pub fn kill_if_running(pid: u32, program: &str) {
    if is_running(pid, program)
        && let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw)
    {
        // It ended between the look and the signal: that is what was wanted.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// Sends a signal to a process that runs this program; panics when there is none.
pub fn signal(pid: u32, program: &str, signal: rustix::process::Signal) {
    assert!(is_running(pid, program), "{program} does not run as {pid}");
    let pid =
        i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a pid of a running process");
    match rustix::process::kill_process(pid, signal) {
        // It ended between the look and the signal.
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("{program} ({pid:?}) cannot be signalled: {error}"),
    }
}

/// Resident memory in bytes, 0 when the process is gone.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|digits| digits.trim().parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// Processor time that a process has used, seconds; 0 when it is gone.
#[must_use]
pub fn processor_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name, in brackets, may hold anything. User and system time are the twelfth and thirteenth field behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}

/// run.json of a data folder, `None` while there is none.
#[must_use]
pub fn read(data: &Path) -> Option<Run> {
    serde_json::from_slice(&std::fs::read(data.join("run.json")).ok()?).ok()
}
