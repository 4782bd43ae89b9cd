//! The pid of the embedded event store, kept in a file: one that outlives the central which started it is waited for, and killed when it does
//! not end by itself. Otherwise it would keep the data locked for ever.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use footfall_daemon::file;

/// How long it may take to end by itself, once its central is gone.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked for.
const POLL: Duration = Duration::from_millis(50);

/// Writes the pid of a child that was started.
///
/// # Errors
/// What the file system says.
pub(super) fn write(path: &Path, pid: u32) -> io::Result<()> {
    file::replace_unsynced(path, pid.to_string().as_bytes(), 0o600)
}

/// Waits until the process of the file has ended, and kills it when that takes too long.
pub(super) async fn wait_for_end(path: &Path, data: &Path) {
    let Some(pid) = running(path, data) else { return };
    tracing::info!(pid = pid.as_raw_nonzero(), "waiting for the event store of an earlier central to end");
    let deadline = Instant::now() + END_TIMEOUT;
    while running(path, data).is_some() {
        if Instant::now() > deadline {
            tracing::warn!(pid = pid.as_raw_nonzero(), "it does not end by itself and is killed");
            if let Err(error) = kill_process(pid, Signal::KILL) {
                tracing::warn!(%error, "it cannot be killed");
                return;
            }
        }
        sleep(POLL).await;
    }
}

/// The process of the file, if it still runs and works on this data: the pid alone may meanwhile be another process's.
fn running(path: &Path, data: &Path) -> Option<Pid> {
    let pid = Pid::from_raw(fs::read_to_string(path).ok()?.trim().parse().ok()?)?;
    let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
    let data = data.as_os_str().as_encoded_bytes();
    command.split(|byte| *byte == 0).any(|argument| argument == data).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[tokio::test]
    async fn a_process_that_works_on_other_data_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("event-store.pid");
        wait_for_end(&path, dir.path()).await;
        write(&path, std::process::id()).expect("written");
        assert!(running(&path, dir.path()).is_none());
    }

    #[tokio::test]
    async fn a_process_that_does_not_end_is_killed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("event-store.pid");
        let mut command = Command::new("sh");
        command.args(["-c", "read line", "sh"]).arg(dir.path()).stdin(Stdio::piped());
        let mut child = command.spawn().expect("started");
        write(&path, child.id()).expect("written");
        let deadline = Instant::now() + END_TIMEOUT;
        while running(&path, dir.path()).is_none() {
            assert!(Instant::now() < deadline, "it never became the shell");
            sleep(POLL).await;
        }
        let reaped = tokio::task::spawn_blocking(move || {
            let _input = child.stdin.take();
            child.wait()
        });
        wait_for_end(&path, dir.path()).await;
        assert!(!reaped.await.expect("ran").expect("waited").success());
    }
}
