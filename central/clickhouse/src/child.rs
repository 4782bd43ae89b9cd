//! The embedded event store: a child process that is started, supervised and started again when it ends. Knows none of its tables.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Level;

use super::child_message::Message;
use super::pid_file;
use super::server_status::ServerStatus;
use footfall_daemon::file;
use footfall_daemon::ready::{self, NotReady};

/// From the end of the child to its next start.
const RESTART_DELAY: Duration = Duration::from_secs(1);
/// How long a child may take until it is ready: it may have to wait for a predecessor's lock.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How long it may take to end once its input has ended.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The program and what it is told.
#[derive(Clone, Debug)]
pub struct Program {
    /// The `event-store` executable.
    pub executable: PathBuf,
    /// Its data.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The engine's library; the program knows where to look without it.
    pub library: Option<PathBuf>,
    /// The database to make.
    pub database: String,
    /// Who may write.
    pub user: String,
    /// ... with the password in this file.
    pub password_file: PathBuf,
    /// Where `{"pid":…,"url":"…"}` is written whenever it was started.
    pub ready_file: PathBuf,
    /// Where its pid is written as soon as it was started, for a central that starts after this one was killed.
    pub pid_file: PathBuf,
}

/// What the child prints once it serves.
#[derive(Debug, Deserialize)]
struct Ready {
    pid: u32,
    url: String,
}

/// Keeps the program running until told to stop, then lets it end in its own time.
pub(super) async fn supervise(
    program: Program,
    status: Arc<watch::Sender<ServerStatus>>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = pid_file::wait_for_end(&program.pid_file, &program.data) => {}
            () = stop.cancelled() => return,
        }
        let ended = match start(&program) {
            Ok(child) => run_until_end(child, &program, &status, &stop).await,
            Err(error) => format!("{}: {error}", program.executable.display()),
        };
        if stop.is_cancelled() {
            return;
        }
        tracing::error!(reason = ended, "the event store ended; starting it again");
        status.send_modify(|status| {
            status.pid = None;
            status.answering = Err(format!("the event store is not running: {ended}"));
            status.restarts += 1;
        });
        tokio::select! {
            () = sleep(RESTART_DELAY) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn start(program: &Program) -> io::Result<Child> {
    let mut command = Command::new(&program.executable);
    command.arg("--data").arg(&program.data);
    command.arg("--listen").arg(program.listen.to_string());
    command.args(["--database", &program.database, "--user", &program.user]);
    command.arg("--password-file").arg(&program.password_file).arg("--until-eof");
    // Whatever central's own form is: this is for central to read.
    command.args(["--log", "json"]);
    if let Some(library) = &program.library {
        command.arg("--library").arg(library);
    }
    // It ends when its input does, and so with us, whatever ends us. In a process group of its own it gets no Ctrl-C of a terminal:
    // otherwise it would end before the sinks have written what they hold.
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Until the child ends; says why it did.
async fn run_until_end(
    mut child: Child,
    program: &Program,
    status: &watch::Sender<ServerStatus>,
    stop: &CancellationToken,
) -> String {
    if let Some(pid) = child.id()
        && let Err(error) = pid_file::write(&program.pid_file, pid)
    {
        tracing::warn!(%error, path = %program.pid_file.display(), "the event store's pid cannot be written");
    }
    let input = child.stdin.take();
    let messages = tokio::spawn(log_lines(child.stderr.take().expect("it is piped")));
    let output = child.stdout.take().expect("it is piped");
    let health = status.subscribe();
    let serving = async {
        let ready = match timeout(START_TIMEOUT, wait_until_ready(output)).await {
            Ok(Ok(ready)) => ready,
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "it was not ready in time".to_owned(),
        };
        if let Err(error) = write_ready_file(&program.ready_file, &ready) {
            tracing::error!(%error, path = %program.ready_file.display(), "the event store's pid cannot be written");
        }
        status.send_modify(|status| {
            status.pid = Some(ready.pid);
            status.answering = Ok(());
            status.is_unresponsive = false;
        });
        until_unresponsive(health).await;
        "it did not answer for too long".to_owned()
    };
    let reason = tokio::select! {
        reason = serving => Some(reason),
        _ = child.wait() => None,
        () = stop.cancelled() => {
            drop(input);
            if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
                tracing::error!("the event store did not end in time and is killed");
            }
            Some("stopping".to_owned())
        }
    };
    // When it has ended already there is nothing to kill.
    let _ = child.start_kill();
    let status = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
    let last_message = messages.await.unwrap_or_default();
    format!("{} {last_message}", reason.unwrap_or(status))
}

/// Writes the child's messages into our own log; returns the last one.
async fn log_lines(output: ChildStderr) -> String {
    let mut output = BufReader::new(output);
    let (mut line, mut last) = (Vec::new(), String::new());
    // A message can quote a statement, which need not be text.
    while matches!(output.read_until(b'\n', &mut line).await, Ok(1..)) {
        let message = Message::parse(String::from_utf8_lossy(&line).trim_end());
        log(&message);
        last = message.text;
        line.clear();
    }
    last
}

fn log(Message { level, text }: &Message) {
    match *level {
        Level::ERROR => tracing::error!(target: "event_store", "{text}"),
        Level::WARN => tracing::warn!(target: "event_store", "{text}"),
        Level::INFO => tracing::info!(target: "event_store", "{text}"),
        Level::DEBUG => tracing::debug!(target: "event_store", "{text}"),
        Level::TRACE => tracing::trace!(target: "event_store", "{text}"),
    }
}

/// Waits for the line that says where it serves, then keeps the pipe empty.
async fn wait_until_ready(output: ChildStdout) -> Result<Ready, NotReady> {
    let mut lines = BufReader::new(output).lines();
    let ready = ready::wait(&mut lines).await?;
    tokio::spawn(async move { tokio::io::copy(lines.get_mut(), &mut tokio::io::sink()).await });
    Ok(ready)
}

fn write_ready_file(path: &Path, ready: &Ready) -> io::Result<()> {
    let json = serde_json::json!({ "pid": ready.pid, "url": ready.url }).to_string();
    file::replace_unsynced(path, json.as_bytes(), 0o644)
}

/// Until the health check says that the child does not answer any more.
async fn until_unresponsive(mut status: watch::Receiver<ServerStatus>) {
    let lost = status.wait_for(|status| status.is_unresponsive).await.is_ok();
    debug_assert!(lost, "the sender outlives the child");
}
