//! A running system with state of its own, on ports of its own: started by `cargo xtask up`, watched from outside.
//!
//! Every method panics with a sentence when what it waits for does not come: that is how a story fails. A story that
//! fails shows the ends of the logs and leaves its folder; one that [`Cluster::finish`]es leaves nothing.

mod stored;
mod websites;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use footfall_daemon::ready;
use footfall_harness::authority::{Authority, CENTRAL, Usage};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use uuid::Uuid;

use crate::event::{self, BROWSER};
use crate::http::client;
use crate::ledger::Ledger;
use crate::run::{self, Run, Server};
use crate::services::Running;
use crate::wait::until;

/// Fetching and building are done before a story begins: what is left is starting, the real servers' included.
const START: Duration = Duration::from_mins(5);
/// A drain of everything, deadlines of `up` included.
const STOP: Duration = Duration::from_mins(1);
/// From a change of a website until every edge acts on it, with room for a busy machine.
const POLICY: Duration = Duration::from_secs(10);
/// From an answer until ClickHouse has it, after a crash as well.
pub const CATCH_UP: Duration = Duration::from_mins(1);

/// A system that is not started yet.
#[derive(Debug, Default)]
pub struct Plan {
    settings: Vec<String>,
}

/// Begins a story.
#[must_use]
pub fn cluster() -> Plan {
    Plan::default()
}

impl Plan {
    /// Changes a setting of the edge: `journal.max_bytes=1048576`.
    #[must_use]
    pub fn edge(mut self, setting: &str) -> Self {
        self.settings.push(format!("--edge={setting}"));
        self
    }

    /// Changes a setting of central.
    #[must_use]
    pub fn central(mut self, setting: &str) -> Self {
        self.settings.push(format!("--central={setting}"));
        self
    }

    /// Lets the two ends have certificates of this authority, which can sign other edges' as well.
    #[must_use]
    pub fn certified(self, authority: &Authority) -> Self {
        let name = |key: &str, path: &Path| format!("{key}={}", path.display());
        let (central, edge) =
            (authority.issue(CENTRAL, Usage::Server), authority.issue("edge-1", Usage::Client));
        self.central(&name("relay.certificate", &central.certificate))
            .central(&name("relay.key", &central.key))
            .central(&name("relay.ca", &authority.ca()))
            .edge(&name("central.certificate", &edge.certificate))
            .edge(&name("central.key", &edge.key))
            .edge(&name("central.ca", &authority.ca()))
    }

    /// Runs the servers as they are released, which whoever asks for it has built, not as they are tested.
    #[must_use]
    pub fn release(mut self) -> Self {
        self.settings.push("--release".to_owned());
        self
    }

    /// Runs on the real servers instead of the embedded ones.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.settings.push("--full".to_owned());
        self
    }

    /// Starts it and waits until a page view can pass through all of it.
    pub async fn start(self) -> Cluster {
        let folder =
            tempfile::Builder::new().prefix("footfall-story-").tempdir().expect("a temporary folder").keep();
        // PostgreSQL may run as another user, who must reach its own part; what is secret is closed further down.
        std::fs::set_permissions(&folder, Permissions::from_mode(0o711)).expect("the folder is ours");
        let (up, pipe, run) = start_up(&folder, &self.settings).await;
        let http = client().timeout(Duration::from_secs(30)).build().expect("a plain client");
        Cluster {
            settings: self.settings,
            folder,
            up,
            pipe: Some(pipe),
            run,
            http,
            ledger: Arc::default(),
            finished: false,
        }
    }
}

/// A running system.
#[derive(Debug)]
pub struct Cluster {
    settings: Vec<String>,
    folder: PathBuf,
    up: Child,
    /// `up` stops when this closes, however the story ends.
    pipe: Option<ChildStdin>,
    run: Run,
    http: reqwest::Client,
    ledger: Arc<Ledger>,
    finished: bool,
}

impl Cluster {
    /// What READY said: URLs, the tracking id, where the database is.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// What was sent and answered.
    #[must_use]
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// A plain HTTP client.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The real servers that it runs on.
    ///
    /// # Panics
    /// When it was not started with [`Plan::full`].
    #[must_use]
    pub fn servers(&self) -> Running {
        let report = self.run.services.as_deref().expect("READY names services.json");
        Running::within(report.parent().expect("a file lies in a folder"))
    }

    /// Posts page views one by one; each must be answered with success, and is in the ledger then.
    pub async fn send(&self, count: usize) -> Vec<Uuid> {
        let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
        for (number, id) in ids.iter().enumerate() {
            let view = event::page_view(*id, &format!("https://127.0.0.1/page/{}", number % 10));
            self.ledger.sent(&[*id]);
            let answer = self.post(event::batch(&self.run.tracking_id, &[view])).await;
            let (status, body) = (answer.status(), answer.text().await.unwrap_or_default());
            assert_eq!(status, 204, "the edge answered {status}: {body}");
            self.ledger.answered([*id]);
        }
        ids
    }

    /// Posts a body to the edge as an ordinary browser would, without an Origin.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.http.post(format!("{}/e", self.run.urls.edge)).header("user-agent", BROWSER);
        request.header("content-type", "text/plain").body(body).send().await.expect("the edge answers")
    }

    /// What the API answers, as JSON.
    pub async fn api(&self, path: &str) -> Value {
        let answer =
            self.http.get(format!("{}{path}", self.run.urls.central)).send().await.expect("central answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a whole answer"));
        assert!(status.is_success(), "{path} answered {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path} is no JSON ({error}): {text}"))
    }

    /// The sum of a metric's samples that carry all `labels` (`reason="bot"`), at the edge's own port for them or at central.
    pub async fn metric(&self, base: &str, name: &str, labels: &[&str]) -> f64 {
        let answer = self.http.get(format!("{base}/metrics")).send().await.expect("metrics are served");
        let text =
            answer.error_for_status().expect("metrics are served").text().await.expect("a whole answer");
        let samples = text.lines().filter(|line| {
            let rest = line.strip_prefix(name).unwrap_or_default();
            rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label))
        });
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Kills a server with SIGKILL and returns the pid that it had.
    pub fn kill(&self, server: Server) -> u32 {
        let pid = self.now().pids.of(server);
        run::kill(pid, server.program());
        pid
    }

    /// As [`Cluster::kill`], for one that may have died meanwhile.
    pub fn kill_if_running(&self, server: Server) {
        run::kill_if_running(self.now().pids.of(server), server.program());
    }

    /// Waits until run.json names another process than `old`, and that one says that it can do its whole job.
    pub async fn until_back(&self, server: Server, old: u32) {
        let what = format!("{} runs again", server.program());
        until(&what, CATCH_UP, || async { (self.now().pids.of(server) != old).then_some(()) }).await;
        self.until_ready().await;
    }

    /// Waits until edge and central both answer /readyz with 200.
    pub async fn until_ready(&self) {
        for base in [&self.run.urls.edge_health, &self.run.urls.central] {
            until(&format!("{base}/readyz is 200"), CATCH_UP, || async {
                let answer = self.http.get(format!("{base}/readyz")).send().await.ok()?;
                answer.status().is_success().then_some(())
            })
            .await;
        }
    }

    /// run.json as it stands now.
    #[must_use]
    pub fn now(&self) -> Run {
        run::read(&self.folder).expect("run.json is whole at every moment")
    }

    /// Where all state lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops everything, as Ctrl-C would, and starts it again on the same state.
    pub async fn start_again(&mut self) {
        self.start_again_after(|| ()).await;
    }

    /// Stops everything, lets `meanwhile` change what lies on disk, and starts it again.
    pub async fn start_again_after(&mut self, meanwhile: impl FnOnce()) {
        self.stop().await;
        meanwhile();
        self.start_after_a_crash().await;
    }

    /// Starts it on the same state after `up` itself was killed.
    pub async fn start_after_a_crash(&mut self) {
        let (up, pipe, run) = start_up(&self.folder, &self.settings).await;
        (self.up, self.pipe, self.run) = (up, Some(pipe), run);
    }

    /// Ends the story: everything must drain and stop by itself, leave nothing behind, and never have panicked.
    pub async fn finish(mut self) {
        self.stop().await;
        let panics = self.log_lines("panicked at");
        assert!(panics.is_empty(), "a server panicked:\n{}", panics.join("\n"));
        self.finished = true;
    }

    async fn stop(&mut self) {
        let last = self.now();
        drop(self.pipe.take());
        let status = tokio::time::timeout(STOP, self.up.wait())
            .await
            .expect("up stops in time")
            .expect("up can be waited for");
        assert!(status.success(), "up ended with {status}");
        for server in Server::ALL {
            let pid = last.pids.of(server);
            assert!(!run::is_running(pid, server.program()), "{} ({pid}) is still running", server.program());
        }
        let killed = self.log_lines("was killed");
        assert!(killed.is_empty(), "not everything drained by itself:\n{}", killed.join("\n"));
    }

    /// Lines of any log that contain `text`.
    #[must_use]
    pub fn log_lines(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (name, contents) in self.logs() {
            found.extend(
                contents.lines().filter(|line| line.contains(text)).map(|line| format!("{name}: {line}")),
            );
        }
        found
    }

    fn logs(&self) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(self.folder.join("logs")).into_iter().flatten().flatten();
        let read = |entry: std::fs::DirEntry| {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).ok()?).into_owned();
            Some((entry.file_name().to_string_lossy().into_owned(), text))
        };
        entries.filter_map(read).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.finished {
            if let Err(error) = std::fs::remove_dir_all(&self.folder) {
                eprintln!("{} cannot be removed: {error}", self.folder.display());
            }
            return;
        }
        // The story failed. `up` sees the end of its pipe and stops everything by itself.
        drop(self.pipe.take());
        eprintln!("the story's folder stays: {}", self.folder.display());
        for (name, text) in self.logs() {
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- the end of {name}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

/// Where the servers and `xtask` were built: beside this test, or where `FOOTFALL_BIN_DIR` says.
#[must_use]
pub fn binaries() -> PathBuf {
    if let Some(set) = std::env::var_os("FOOTFALL_BIN_DIR") {
        return set.into();
    }
    let own = std::env::current_exe().expect("a test has a path");
    own.parent().and_then(Path::parent).expect("a test lies in target/<profile>/deps").to_owned()
}

async fn start_up(folder: &Path, settings: &[String]) -> (Child, ChildStdin, Run) {
    let xtask = binaries().join("xtask");
    assert!(xtask.is_file(), "{} is not built: run the stories through `cargo xtask test`", xtask.display());
    std::fs::create_dir_all(folder.join("logs")).expect("a folder for logs");
    let log =
        std::fs::File::options().create(true).append(true).open(folder.join("logs/up.log")).expect("a log");
    let mut command = Command::new(xtask);
    command.args(["up", "--no-build", "--free-ports", "--until-eof", "--data"]).arg(folder).args(settings);
    let mut up = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("xtask can be started");
    let pipe = up.stdin.take().expect("stdin was piped");
    let mut lines = BufReader::new(up.stdout.take().expect("stdout was piped")).lines();
    let waited = tokio::time::timeout(START, ready::wait(&mut lines)).await.expect("READY comes in time");
    let run = waited.unwrap_or_else(|error| {
        let log = std::fs::read_to_string(folder.join("logs/up.log")).unwrap_or_default();
        panic!("up is not ready, {error}:\n{log}");
    });
    (up, pipe, run)
}
