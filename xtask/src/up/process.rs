//! One child process: its pipe, its log, its READY line, and how it ends. Knows nothing of what it runs.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use footfall_daemon::ready;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::de::IgnoredAny;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A started program. Dropping it kills it; [`Process::stop`] is the polite way.
pub(super) struct Process {
    child: Child,
    /// The child ends when this pipe does: at [`Process::stop`], or when this process dies.
    pipe: Option<ChildStdin>,
    ready: Option<oneshot::Receiver<()>>,
    pub(super) pid: u32,
}

impl Process {
    /// Starts it in a process group of its own, so that a Ctrl-C at the terminal reaches only us, who stop it in order.
    pub(super) fn start(program: &Path, arguments: &[OsString], log: &Path) -> anyhow::Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = std::process::Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.try_clone()?);
        clean_environment(&mut command);
        // Its log is a file, read by people and by tests: no colours.
        command.env("NO_COLOR", "1");
        let mut child = Command::from(command)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().context("a child that was just started has a pid")?;
        let output = child.stdout.take().context("stdout was piped")?;
        let pipe = child.stdin.take();
        let (tell, ready) = oneshot::channel();
        tokio::spawn(keep_output(output, log, tell));
        Ok(Self { child, pipe, ready: Some(ready), pid })
    }

    /// Waits for the READY line.
    pub(super) async fn ready(&mut self, deadline: Instant) -> Result<(), NotReady> {
        let Some(ready) = self.ready.take() else { return Ok(()) };
        tokio::select! {
            told = ready => match told {
                Ok(()) => Ok(()),
                // Its stdout was closed without the line: it is ending.
                Err(_) => Err(self.child.wait().await.map_or(NotReady::Silent, NotReady::Ended)),
            },
            () = tokio::time::sleep_until(deadline.into()) => Err(NotReady::Silent),
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Closes its pipe, so that it drains, and waits; kills it when `patience` is over or `hurry` says so.
    pub(super) async fn stop(mut self, patience: Duration, hurry: &CancellationToken) -> Stopped {
        drop(self.pipe.take());
        tokio::select! {
            _ = self.child.wait() => return Stopped::Drained,
            () = tokio::time::sleep(patience) => {}
            () = hurry.cancelled() => {}
        }
        match self.child.kill().await {
            Ok(()) => Stopped::Killed,
            Err(error) => Stopped::Left(error),
        }
    }
}

/// How a process was ended.
pub(super) enum Stopped {
    Drained,
    Killed,
    Left(std::io::Error),
}

/// Why there was no READY line.
pub(super) enum NotReady {
    Ended(ExitStatus),
    Silent,
}

/// Settings come from the run's files alone: a `FOOTFALL_…` variable of the caller would change both servers at once.
pub(super) fn clean_environment(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("FOOTFALL_") && text != "FOOTFALL_LOG" {
            command.env_remove(&name);
        }
    }
}

async fn keep_output(output: ChildStdout, mut log: File, waiting: oneshot::Sender<()>) {
    let mut waiting = Some(waiting);
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if matches!(ready::parse::<IgnoredAny>(&line), Ok(Some(_)))
            && let Some(waiting) = waiting.take()
        {
            // Nobody waits any more when the start was given up: that is no fault.
            let _ = waiting.send(());
        }
        if let Err(error) = writeln!(log, "{line}") {
            eprintln!("warning: a server's log cannot be written: {error}");
        }
    }
}

/// What central writes about its event store.
#[derive(serde::Deserialize)]
pub(super) struct EventStore {
    pub(super) pid: u32,
}

/// `None` while there is no such report.
pub(super) fn event_store(report: &Path) -> Option<EventStore> {
    serde_json::from_slice(&std::fs::read(report).ok()?).ok()
}

/// The event store is central's child and ends with it. Makes sure of it, also when central was killed.
pub(super) async fn end_event_store(report: &Path, patience: Duration, hurry: &CancellationToken) {
    let Some(store) = event_store(report) else { return };
    let Some(pid) = i32::try_from(store.pid).ok().and_then(Pid::from_raw) else { return };
    let deadline = Instant::now() + patience;
    while is_event_store(store.pid) && test_kill_process(pid).is_ok() {
        if Instant::now() > deadline || hurry.is_cancelled() {
            eprintln!("the event store (pid {}) did not end by itself: killing it", store.pid);
            if let Err(error) = kill_process(pid, Signal::KILL) {
                eprintln!("warning: it cannot be killed: {error}");
            }
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A pid may have been given to somebody else: the name must be right too.
fn is_event_store(pid: u32) -> bool {
    let link = PathBuf::from(format!("/proc/{pid}/exe"));
    std::fs::read_link(link).is_ok_and(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("event-store"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::tail;

    fn shell(script: &str, log: &Path) -> Process {
        Process::start(Path::new("/bin/sh"), &["-c".into(), script.into()], log).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn a_server_is_ready_at_its_line_and_ends_when_its_pipe_does() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut process = shell("echo starting; echo 'READY {}'; cat; echo drained", &log);
        assert!(process.ready(soon()).await.is_ok());
        assert!(matches!(
            process.stop(Duration::from_secs(20), &CancellationToken::new()).await,
            Stopped::Drained
        ));
        while !tail(&log, 9).contains("drained") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(tail(&log, 9), "starting\nREADY {}\ndrained");
        assert_eq!(tail(&log, 1), "drained");
    }

    #[tokio::test]
    async fn one_that_ends_before_it_is_ready_says_how() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("exit 64", &folder.path().join("log"));
        let Err(NotReady::Ended(status)) = process.ready(soon()).await else { panic!("it ended") };
        assert_eq!(status.code(), Some(64));
    }

    #[tokio::test]
    async fn one_that_does_not_drain_is_killed_at_the_deadline_or_in_a_hurry() {
        let folder = tempfile::tempdir().unwrap();
        let hurry = CancellationToken::new();
        let process = shell("exec sleep 600", &folder.path().join("log"));
        assert!(matches!(process.stop(Duration::from_millis(50), &hurry).await, Stopped::Killed));
        let process = shell("exec sleep 600", &folder.path().join("log"));
        hurry.cancel();
        assert!(matches!(process.stop(Duration::from_mins(10), &hurry).await, Stopped::Killed));
    }
}
