//! One detached server process: started, recognised later by somebody else, ended. Knows nothing of what it runs.
//!
//! It outlives the command that started it, so what is known about it stands in a file.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::file;

/// Between two looks at a process that is to end.
const PAUSE: Duration = Duration::from_millis(50);

/// What to start.
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// Its working folder.
    pub(super) folder: PathBuf,
    pub(super) environment: Vec<(&'static str, String)>,
    /// User and group, when it must not be ours.
    pub(super) owner: Option<(u32, u32)>,
}

/// A process that was started once. A pid may be given to somebody else: together with the time of its start it is
/// one process for ever (until the machine starts anew, when nothing of ours runs).
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// Clock ticks after the machine's start, see proc(5), `starttime`.
    started: u64,
}

/// Tells once how a child ended.
pub(super) type Ended = mpsc::Receiver<std::io::Result<ExitStatus>>;

impl Process {
    /// Starts it in a process group of its own, so that a Ctrl-C at the terminal does not reach it, and writes down who it is.
    pub(super) fn start(launch: &Launch, log: &Path, record: &Path) -> anyhow::Result<(Self, Ended)> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments).current_dir(&launch.folder).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).env("NO_COLOR", "1");
        command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
        if let Some((user, group)) = launch.owner {
            command.uid(user).gid(group);
        }
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", launch.program.display()))?;
        let pid = child.id();
        let process = Self { pid, started: started(pid).unwrap_or_default() };
        let (tell, ended) = mpsc::channel();
        // Nobody may listen any more: the thread is there so that the kernel can forget the child.
        std::thread::spawn(move || drop(tell.send(child.wait())));
        file::write(record, &serde_json::to_vec(&process)?, 0o644)?;
        Ok((process, ended))
    }

    /// The process that was written down, running or not.
    pub(super) fn recorded(record: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(record).ok()?).ok()
    }

    pub(super) fn is_running(self) -> bool {
        started(self.pid).is_some_and(|started| started == self.started)
    }

    /// Asks it to end with `signal` and waits; kills it when `patience` is over. Says whether it had to.
    pub(super) fn end(self, signal: Signal, patience: Duration) -> anyhow::Result<Ending> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("a process has a pid")?;
        let mut ending = Ending::Asked;
        let mut deadline = Instant::now() + patience;
        let mut next = Some(signal);
        while self.is_running() {
            if Instant::now() >= deadline {
                anyhow::ensure!(ending == Ending::Asked, "process {} does not end", self.pid);
                ending = Ending::Killed;
                deadline = Instant::now() + patience;
                next = Some(Signal::KILL);
            }
            if let Some(signal) = next.take() {
                match kill_process(pid, signal) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => {
                        return Err(error).with_context(|| format!("cannot end process {}", self.pid));
                    }
                }
            }
            std::thread::sleep(PAUSE);
        }
        Ok(ending)
    }
}

/// How a process was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// By the signal that it is to be ended with, or it was not running.
    Asked,
    /// By SIGKILL, after its patience.
    Killed,
}

/// When a process began; `None` when there is none or it has ended and only its parent does not know yet.
fn started(pid: u32) -> Option<u64> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The 22nd field of proc(5)'s `stat`; the second one, the name, may contain anything.
fn parse(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if ["Z", "X"].contains(&state) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str, folder: &Path) -> (Process, Ended) {
        let launch = Launch {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            folder: folder.to_owned(),
            environment: vec![("WORD", "hello".to_owned())],
            owner: None,
        };
        Process::start(&launch, &folder.join("log"), &folder.join("record")).unwrap()
    }

    fn until_log_is(text: &str, folder: &Path) {
        let deadline = Instant::now() + PATIENCE;
        while std::fs::read_to_string(folder.join("log")).unwrap_or_default() != text {
            assert!(Instant::now() < deadline, "the log is not {text:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_process_is_recognised_by_somebody_else_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (process, _ended) = start("echo $WORD; exec sleep 600", folder.path());
        until_log_is("hello\n", folder.path());
        let found = Process::recorded(&folder.path().join("record")).unwrap();
        assert_eq!(found, process);
        assert!(found.is_running());
        assert_eq!(found.end(Signal::TERM, PATIENCE).unwrap(), Ending::Asked);
        assert!(!found.is_running());
    }

    #[test]
    fn another_process_of_the_same_pid_is_not_ours() {
        let own = std::process::id();
        let other = Process { pid: own, started: started(own).unwrap() + 1 };
        assert!(!other.is_running());
        // Nothing is signalled: this test would end.
        assert_eq!(other.end(Signal::KILL, PATIENCE).unwrap(), Ending::Asked);
    }

    #[test]
    fn one_that_does_not_listen_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let (process, ended) = start("trap '' TERM; echo deaf; while :; do sleep 1; done", folder.path());
        until_log_is("deaf\n", folder.path());
        assert_eq!(process.end(Signal::TERM, Duration::from_secs(2)).unwrap(), Ending::Killed);
        assert!(!ended.recv().unwrap().unwrap().success());
    }

    #[test]
    fn the_start_is_read_behind_any_name_and_a_zombie_has_ended() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1";
        assert_eq!(parse(stat), Some(4242));
        assert_eq!(parse(&stat.replace(") S", ") Z")), None);
    }
}
