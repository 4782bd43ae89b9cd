//! A further edge or central beside those of a running system, with state and ports of its own and otherwise the same settings.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use footfall_daemon::ready;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use toml::Table;

use crate::cluster::{Cluster, binaries};
use crate::run::{Server, kill};
use crate::wait::until;

/// From a start, or a signal, until it has had its effect.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process of the story's own.
#[derive(Debug)]
pub struct Beside {
    server: Server,
    settings: PathBuf,
    log: PathBuf,
    process: Option<Process>,
    url: String,
    http: reqwest::Client,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// It stops when this closes.
    pipe: ChildStdin,
}

impl Beside {
    /// Another central on the same tiers, which edges know nothing of.
    pub async fn central(cluster: &Cluster) -> Self {
        let mut another = Self::prepare(cluster, Server::Central, "central", |settings| {
            set(settings, &["http", "listen"], "127.0.0.1:0");
            set(settings, &["relay", "listen"], "127.0.0.1:0");
        });
        another.start().await;
        another
    }

    /// Another edge that goes by the same name, on a copy of its disk as it is now.
    pub async fn cloned_edge(cluster: &Cluster) -> Self {
        let mut another = Self::prepare(cluster, Server::Edge, "edge", |settings| {
            set(settings, &["http", "listen"], "127.0.0.1:0");
            set(settings, &["health", "listen"], "127.0.0.1:0");
        });
        let (from, to) = (cluster.folder().join("edge"), cluster.folder().join("edge-beside"));
        copy(&from, &to, &another.settings);
        another.start().await;
        another
    }

    fn prepare(cluster: &Cluster, server: Server, room: &str, change: impl FnOnce(&mut Table)) -> Self {
        let own = cluster.folder().join(format!("{room}-beside"));
        std::fs::create_dir_all(&own).expect("a folder");
        let original = cluster.folder().join(room).join(format!("{room}.toml"));
        let text = std::fs::read_to_string(original).expect("up wrote it");
        let mut table: Table = text.parse().expect("TOML");
        table.insert("data".to_owned(), own.display().to_string().into());
        change(&mut table);
        let settings = own.join(format!("{room}.toml"));
        std::fs::write(&settings, table.to_string()).expect("written");
        Self {
            server,
            settings,
            log: cluster.folder().join("logs").join(format!("{room}-beside.log")),
            process: None,
            url: String::new(),
            http: cluster.http().clone(),
        }
    }

    /// Starts it (again) and waits until it serves.
    pub async fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(&self.log).expect("a log");
        let mut command = Command::new(binaries().join(self.server.program()));
        if self.server == Server::Central {
            command.arg("run");
        }
        command
            .arg("--config")
            .arg(&self.settings)
            .arg("--until-eof")
            .env("NO_COLOR", "1")
            .kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("it was built");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout was piped")).lines();
        let waited = tokio::time::timeout(PATIENCE, ready::wait::<Value>(&mut lines)).await;
        let ready = waited.expect("READY comes in time").expect("it starts");
        let http = ready["http"].as_str().expect("an address");
        self.url = if http.starts_with("http") { http.to_owned() } else { format!("http://{http}") };
        let pipe = child.stdin.take().expect("stdin was piped");
        self.process = Some(Process { child, pipe });
    }

    /// Where it serves; another port after each start.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it says that it can do its whole job.
    pub async fn until_ready(&self) {
        until(&format!("{}/readyz is 200", self.url), PATIENCE, || async {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Kills it with SIGKILL.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        kill(process.child.id().expect("it was not waited for"), self.server.program());
        process.child.wait().await.expect("it can be waited for");
    }

    /// Lets it drain and end.
    pub async fn stop(mut self) {
        let Process { mut child, pipe } = self.process.take().expect("it runs");
        drop(pipe);
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends in time");
        assert!(status.expect("it can be waited for").success(), "it ended badly");
    }
}

fn set(settings: &mut Table, path: &[&str; 2], value: &str) {
    let [section, key] = path;
    let section = settings.get_mut(*section).and_then(toml::Value::as_table_mut).expect("a section");
    section.insert((*key).to_owned(), value.into());
}

/// Copies a folder over another, but for one file.
fn copy(from: &Path, to: &Path, but: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("it is there").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target, but);
        } else if target != but {
            // One that goes meanwhile was not there.
            let _ = std::fs::copy(&source, &target);
        }
    }
}

/// Copies a folder as it is.
pub fn copy_folder(from: &Path, to: &Path) {
    copy(from, to, Path::new(""));
}
