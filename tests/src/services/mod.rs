//! What `cargo xtask services` says about the real servers: its services.json, whose path `FOOTFALL_SERVICES` holds.

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use crate::cluster::binaries;

/// Every section is there while its server was started and not ended; one that was killed keeps its last pid.
#[derive(Debug, Clone, Deserialize)]
pub struct Services {
    /// The log.
    pub kafka: Option<Kafka>,
    /// The metadata.
    pub postgresql: Option<Postgresql>,
    /// The live view.
    pub redis: Option<Redis>,
    /// The raw log.
    pub s3: Option<S3>,
    /// The events.
    pub clickhouse: Option<ClickHouse>,
    /// The folder that holds all their state.
    pub data: PathBuf,
}

/// Apache Kafka.
#[derive(Debug, Clone, Deserialize)]
pub struct Kafka {
    /// Host and port.
    pub bootstrap: String,
    /// As clients call it: `SASL_SSL`.
    pub security: String,
    /// As clients call it: `SCRAM-SHA-512`.
    pub mechanism: String,
    /// May do everything.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The certificate to trust.
    pub ca: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// PostgreSQL, TLS only.
#[derive(Debug, Clone, Deserialize)]
pub struct Postgresql {
    /// An address of this machine.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// One that is there; the user may make others.
    pub database: String,
    /// Owns the database.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The certificate to trust.
    pub ca: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// Redis.
#[derive(Debug, Clone, Deserialize)]
pub struct Redis {
    /// An address of this machine.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// The one ACL user.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The certificate to trust.
    pub ca: PathBuf,
    /// Always.
    pub tls: bool,
    /// Its process.
    pub pid: u32,
}

/// An S3 server.
#[derive(Debug, Clone, Deserialize)]
pub struct S3 {
    /// URL, plain HTTP.
    pub endpoint: String,
    /// What requests are signed with.
    pub region: String,
    /// One that is there.
    pub bucket: String,
    /// The public half of the key.
    pub access_key: String,
    /// Holds the secret half.
    pub secret_key_file: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// ClickHouse.
#[derive(Debug, Clone, Deserialize)]
pub struct ClickHouse {
    /// Shards, each a list of its replicas' URLs.
    pub shards: Vec<Vec<String>>,
    /// May write.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
    /// The one that may be written.
    pub database: String,
    /// A process for each shard.
    pub pids: Vec<u32>,
}

/// The servers that `FOOTFALL_SERVICES` names. Panics when there are none: no story passes because it could not be told.
#[must_use]
pub fn services() -> Services {
    let path = std::env::var_os("FOOTFALL_SERVICES")
        .expect("start the servers with cargo xtask services up, then set FOOTFALL_SERVICES");
    read(Path::new(&path))
}

/// services.json as it stands now.
#[must_use]
pub fn read(path: &Path) -> Services {
    let text =
        std::fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("{} is no services.json: {error}", path.display()))
}

/// Services of one story, on ports of their own, in a temporary folder: what it kills disturbs nobody else.
#[derive(Debug)]
pub struct Own {
    folder: PathBuf,
    command: Child,
    /// The servers end when this closes, however the story ends.
    pipe: Option<ChildStdin>,
}

impl Own {
    /// Starts these (`kafka`, `postgresql`, `redis`, `s3`, `clickhouse`; none means all) and waits until each has answered.
    #[must_use]
    pub fn start(names: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("footfall-services-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        // PostgreSQL may run as another user, who must reach its own part.
        std::fs::set_permissions(&folder, Permissions::from_mode(0o711)).expect("the folder is ours");
        let log = File::create(folder.join("up.log")).expect("a log");
        let mut command = xtask("up", &folder, names);
        command.args(["--no-build", "--free-ports", "--until-eof"]);
        let mut command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("xtask can be started");
        let pipe = command.stdin.take();
        let mut line = String::new();
        let output = command.stdout.take().expect("stdout was piped");
        BufReader::new(output).read_line(&mut line).expect("stdout is text");
        let own = Self { folder, command, pipe };
        assert!(line.starts_with("READY "), "the services did not start:\n{}", own.log());
        own
    }

    /// The path of services.json.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.folder.join("services.json")
    }

    /// services.json as it stands now.
    #[must_use]
    pub fn now(&self) -> Services {
        read(&self.report())
    }

    /// Where all their state lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills a server with SIGKILL: of ClickHouse, both shards.
    pub fn kill(&self, name: &str) {
        for pid in self.now().pids(name) {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
            kill_process(pid, Signal::KILL)
                .unwrap_or_else(|error| panic!("{name} cannot be killed: {error}"));
        }
    }

    /// Starts what was killed again, on the same port with the same data, and waits until it answers.
    pub fn bring_back(&self, name: &str) {
        self.run("up", &[name], &["--no-build"]);
    }

    /// `cargo xtask services VERB NAMES`, which must succeed; answers its stdout.
    pub fn run(&self, verb: &str, names: &[&str], options: &[&str]) -> String {
        let output = xtask(verb, &self.folder, names).args(options).output().expect("xtask can be started");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "services {verb} {names:?} failed:\n{complaint}");
        String::from_utf8(output.stdout).expect("stdout is text")
    }

    /// Ends them and removes everything that they wrote.
    pub fn finish(mut self) {
        drop(self.pipe.take());
        let status = self.command.wait().expect("the services can be waited for");
        assert!(status.success(), "the services ended badly ({status}):\n{}", self.log());
        std::fs::remove_dir_all(&self.folder).expect("the folder can be removed");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("up.log")).unwrap_or_default()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.pipe.take().is_some() {
            // The story failed: its servers end by themselves, their logs stay.
            eprintln!("the services' folder stays: {}", self.folder.display());
            let _ = self.command.wait();
        }
    }
}

impl Services {
    /// The processes of one server, by its name in services.json.
    #[must_use]
    pub fn pids(&self, name: &str) -> Vec<u32> {
        match name {
            "kafka" => self.kafka.iter().map(|server| server.pid).collect(),
            "postgresql" => self.postgresql.iter().map(|server| server.pid).collect(),
            "redis" => self.redis.iter().map(|server| server.pid).collect(),
            "s3" => self.s3.iter().map(|server| server.pid).collect(),
            "clickhouse" => self.clickhouse.iter().flat_map(|server| server.pids.clone()).collect(),
            other => panic!("there is no service {other}"),
        }
    }
}

fn xtask(verb: &str, folder: &Path, names: &[&str]) -> Command {
    let program = binaries().join("xtask");
    assert!(
        program.is_file(),
        "{} is not built: run the stories through `cargo xtask test`",
        program.display()
    );
    let mut command = Command::new(program);
    command.args(["services", verb, "--data"]).arg(folder).args(names);
    command
}
