//! The `central` program: how it starts, what it refuses, how it ends.

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use support::{event_store, free_port, library};

/// A folder with a configuration in it.
struct Place {
    dir: tempfile::TempDir,
    config: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = |name: &str| dir.path().join(name);
        let key = KeyPair::generate().expect("key");
        let params = CertificateParams::new(vec!["central.test".to_owned()]).expect("valid");
        std::fs::write(path("central.pem"), params.self_signed(&key).expect("signed").pem()).expect("write");
        std::fs::write(path("central.key"), key.serialize_pem()).expect("write");
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        let text = format!(
            "data = {}\n[http]\nlisten = '{}'\n[relay]\nlisten = '127.0.0.1:0'\ncertificate = {certificate}\nkey = {}\n\
             ca = {certificate}\n[event_store]\nlisten = '{}'\nprogram = {}\nlibrary = {}\n",
            quoted(&path("central")),
            free_port(),
            quoted(&path("central.key")),
            free_port(),
            quoted(&event_store()),
            quoted(&library()),
            certificate = quoted(&path("central.pem")),
        );
        let config = path("central.toml");
        std::fs::write(&config, text).expect("write");
        Self { dir, config }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_central"));
        command.arg("run").arg("--config").arg(&self.config).args(arguments).env("FOOTFALL_LOG", "info");
        command
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        self.command(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("it runs")
    }

    fn start(&self, arguments: &[&str]) -> Central {
        // Nobody listens to its messages: that must not matter.
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stderr.take());
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("readable");
        let ready =
            line.strip_prefix("READY ").unwrap_or_else(|| panic!("{line:?} is not what it says when ready"));
        Central { child, ready: serde_json::from_str(ready).expect("JSON") }
    }
}

/// A central that runs; killed when dropped.
struct Central {
    child: Child,
    ready: Value,
}

impl Central {
    async fn get(&self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.ready["http"].as_str().expect("a URL"));
        let answer = support::http().get(url).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    fn event_store(&self) -> u64 {
        self.ready["event_store_pid"].as_u64().unwrap_or_else(|| panic!("no event store: {}", self.ready))
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
    }

    fn wait(&mut self) -> ExitStatus {
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

fn runs(pid: u64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; its parent has yet to hear of it.
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_once_ready_and_ends_cleanly_when_told() {
    let place = Place::new();
    let mut central = place.start(&[]);
    assert_eq!(central.ready["clickhouse"]["user"], "footfall");
    assert!(central.ready["relay"].as_str().expect("an address").starts_with("127.0.0.1:"));
    let password = central.ready["clickhouse"]["password_file"].as_str().expect("a path");
    assert!(Path::new(password).is_file());
    assert_eq!(central.get("/healthz").await.0, 200);
    assert_eq!(central.get("/readyz").await.0, 200);
    let (status, metrics) = central.get("/metrics").await;
    assert!(status == 200 && metrics.contains("footfall_central_log_records_total"), "{metrics}");
    let event_store = central.event_store();
    assert!(runs(event_store));
    central.signal("-TERM");
    assert!(central.wait().success());
    assert!(!runs(event_store), "it leaves nothing running");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_next_start_waits_for_what_the_last_one_left() {
    let place = Place::new();
    let mut central = place.start(&["--until-eof"]);
    let event_store = central.event_store();
    central.signal("-KILL");
    central.wait();
    let mut next = place.start(&["--until-eof"]);
    assert_eq!(next.get("/readyz").await.0, 200);
    assert!(!runs(event_store), "the event store ended with its central");
    drop(next.child.stdin.take());
    assert!(next.wait().success(), "it ends with its input");
    assert!(!runs(next.event_store()));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_exactly_one_central() {
    let place = Place::new();
    let mut first = place.start(&[]);
    let second = place.run(&[], &[("FOOTFALL_HTTP_LISTEN", "127.0.0.1:0")]);
    assert_eq!(second.status.code(), Some(1));
    let sentence = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(sentence.contains("another central holds"), "{sentence}");
    first.signal("-INT");
    assert!(first.wait().success());
}

#[test]
fn shards_that_do_not_divide_the_logs_partitions_are_refused() {
    let place = Place::new();
    let password = place.config.display().to_string();
    let environment = [
        ("FOOTFALL_EVENT_STORE_SERVERS", "http://127.0.0.1:9; http://127.0.0.1:19"),
        ("FOOTFALL_EVENT_STORE_PASSWORD_FILE", password.as_str()),
    ];
    let refused = place.run(&[], &environment);
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{sentence}");
    assert!(sentence.contains("2 shards, which do not divide the log's 1 partitions"), "{sentence}");
}

#[test]
fn a_mistaken_configuration_is_one_sentence_and_exit_64() {
    let place = Place::new();
    let checked = place.run(&["--check"], &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(!place.dir.path().join("central").exists(), "checking makes nothing");
    for environment in [
        ("FOOTFALL_HTTP_LISTEN", "0.0.0.0:8081"),
        ("FOOTFALL_RELAY_KEY", "/no/such/key"),
        ("FOOTFALL_EVENT_STORE_LIBRARY", "/no/such/libchdb.so"),
        ("FOOTFALL_LOG_MAX_BYTES", "much"),
    ] {
        let refused = place.run(&[], &[environment]);
        let mut sentence = String::new();
        refused.stderr.as_slice().read_to_string(&mut sentence).expect("text");
        assert_eq!(refused.status.code(), Some(64), "{sentence}");
        assert!(sentence.ends_with('\n') && sentence.trim_end().lines().count() == 1, "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_work_on_what_central_writes_want_it_stopped() {
    let place = Place::new();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_central"));
        let (first, rest) = arguments.split_first().expect("a command");
        command.arg(first).arg("--config").arg(&place.config).args(rest).env("FOOTFALL_LOG", "error");
        command.stdin(Stdio::null()).output().expect("it runs")
    };
    let rebuild = ["replay", "--from", "2026-11-22", "--to", "2026-11-23", "--into", "events"];
    let mut central = place.start(&[]);
    for arguments in [&rebuild[..], &["dead-letter", "list"]] {
        let refused = command(arguments);
        let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{sentence}");
        assert!(
            sentence.contains("central has to be stopped first") && sentence.lines().count() == 1,
            "{sentence}"
        );
    }
    central.signal("-TERM");
    assert!(central.wait().success());

    let done = command(&rebuild);
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(printed.lines().count(), 2, "a line for each day: {printed}");
    assert!(printed.starts_with("2026-11-22: 0 raw records, 0 events; rows before 0, after 0"), "{printed}");
    let live = command(&["replay", "--from", "2026-11-22", "--to", "2026-11-22", "--into", "live"]);
    assert!(live.status.success() && String::from_utf8_lossy(&live.stdout).contains("nothing to do"));
    let listed = command(&["dead-letter", "list", "--json"]);
    assert!(listed.status.success() && listed.stdout.is_empty());
    let shown = command(&["dead-letter", "show", "0-5"]);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("nothing is parked at 0-5"));
    let mistaken = command(&["replay", "--from", "23.11.2026", "--to", "2026-11-23", "--into", "events"]);
    assert_eq!(mistaken.status.code(), Some(2), "a day that is none");
}
