//! A central of a test's own: the real program, its configuration section by section, and what it says over HTTP.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use footfall_daemon::ready;
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use super::{event_store, free_port, http, library, private};

/// A folder with a configuration in it.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) config: PathBuf,
    http: SocketAddr,
    sections: BTreeMap<&'static str, String>,
}

impl Place {
    /// Everything as it is when nobody has said anything.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = |name: &str| dir.path().join(name);
        let key = KeyPair::generate().expect("key");
        let params = CertificateParams::new(vec!["central.test".to_owned()]).expect("valid");
        std::fs::write(path("central.pem"), params.self_signed(&key).expect("signed").pem()).expect("write");
        private(&path("central.key"), &key.serialize_pem());
        let (certificate, http) = (quoted(&path("central.pem")), free_port());
        let relay = format!(
            "listen = '127.0.0.1:0'\ncertificate = {certificate}\nkey = {}\nca = {certificate}",
            quoted(&path("central.key"))
        );
        let event_store = format!(
            "listen = '{}'\nprogram = {}\nlibrary = {}",
            free_port(),
            quoted(&event_store()),
            quoted(&library())
        );
        let sections = BTreeMap::from([
            ("http", format!("listen = '{http}'")),
            ("relay", relay),
            ("event_store", event_store),
        ]);
        let config = path("central.toml");
        let place = Self { dir, config, http, sections };
        place.write();
        place
    }

    /// The same with a section that says something else.
    pub(crate) fn with(mut self, section: &'static str, text: String) -> Self {
        self.set(section, text);
        self
    }

    /// Writes a section anew, for the next start.
    pub(crate) fn set(&mut self, section: &'static str, text: String) {
        self.sections.insert(section, text);
        self.write();
    }

    fn write(&self) {
        let mut text = format!("data = {}\n", quoted(&self.data()));
        for (name, section) in &self.sections {
            write!(text, "[{name}]\n{section}\n").expect("a string takes everything");
        }
        std::fs::write(&self.config, text).expect("write");
    }

    /// The folder that holds central's state.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("central")
    }

    /// A file beside the configuration, which only its owner can read.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        private(&path, text);
        path
    }

    /// `central run` with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_central"));
        command.arg("run").arg("--config").arg(&self.config).args(arguments).env("FOOTFALL_LOG", "info");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied()).stdin(Stdio::null()).output().expect("it runs")
    }

    /// Runs another of central's commands to its end.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_central"));
        let (first, rest) = arguments.split_first().expect("a command");
        command.arg(first).arg("--config").arg(&self.config).args(rest).env("FOOTFALL_LOG", "error");
        command.stdin(Stdio::null()).output().expect("it runs")
    }

    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(&self, arguments: &[&str]) -> Central {
        // Nobody listens to its messages: that must not matter.
        let mut central = self.begin(self.command(arguments).stderr(Stdio::piped()));
        drop(central.child.stderr.take());
        let mut output = BufReader::new(central.child.stdout.take().expect("piped"));
        central.ready = ready::read(&mut output).expect("it starts");
        central
    }

    /// Starts it and waits for nothing.
    pub(crate) fn spawn(&self) -> Central {
        self.begin(&mut self.command(&[]))
    }

    /// Starts it by a command that ends in this place's, and waits for nothing.
    pub(crate) fn begin(&self, command: &mut Command) -> Central {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        Central { child, http: format!("http://{}", self.http), ready: Value::Null }
    }
}

/// A central that runs; killed when dropped.
pub(crate) struct Central {
    pub(crate) child: Child,
    /// What stood in its READY line, if that was waited for.
    pub(crate) ready: Value,
    http: String,
}

impl Central {
    /// Status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path).await.expect("an answer")
    }

    async fn try_get(&self, path: &str) -> reqwest::Result<(u16, String)> {
        let answer = http().get(format!("{}{path}", self.http)).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// What `/readyz` says is missing; nothing where nobody answers.
    pub(crate) async fn missing(&self) -> Option<Vec<String>> {
        let (status, body) = self.try_get("/readyz").await.ok()?;
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let missing: Vec<String> = serde_json::from_value(body["missing"].clone()).expect("sentences");
        assert_eq!((status == 200, status == 503), (missing.is_empty(), !missing.is_empty()), "{body}");
        Some(missing)
    }

    /// Waits for one sentence of `/readyz` that has all these parts.
    pub(crate) async fn lacks(&mut self, parts: &[&str]) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let missing = self.missing().await;
            let has_all = |sentence: &&String| parts.iter().all(|part| sentence.contains(part));
            if let Some(sentence) = missing.iter().flatten().find(has_all) {
                assert!(!sentence.contains('\n') && sentence.len() < 600, "{sentence}");
                return sentence.clone();
            }
            assert!(Instant::now() < deadline, "{parts:?} is not among {missing:#?}");
            assert_eq!(self.child.try_wait().expect("a child"), None, "it has ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for one of `/readyz`'s warnings that has all these parts.
    pub(crate) async fn warns(&self, parts: &[&str]) -> String {
        let mut found = String::new();
        super::eventually("the warning", async || {
            let Ok((_, body)) = self.try_get("/readyz").await else { return false };
            let body: Value = serde_json::from_str(&body).expect("JSON");
            let warnings: Vec<String> = serde_json::from_value(body["warnings"].clone()).expect("sentences");
            found = warnings
                .into_iter()
                .find(|warning| parts.iter().all(|part| warning.contains(part)))
                .unwrap_or_default();
            !found.is_empty()
        })
        .await;
        found
    }

    /// Waits until nothing is missing.
    pub(crate) async fn lacks_nothing(&mut self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let missing = self.missing().await;
            if missing == Some(Vec::new()) {
                return;
            }
            assert!(Instant::now() < deadline, "{missing:#?}");
            assert_eq!(self.child.try_wait().expect("a child"), None, "it has ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn event_store(&self) -> u64 {
        self.ready["event_store_pid"].as_u64().unwrap_or_else(|| panic!("no event store: {}", self.ready))
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Central {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A path as TOML writes it.
pub(crate) fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}
