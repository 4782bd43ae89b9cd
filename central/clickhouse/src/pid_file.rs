//! An event store that outlives the central which started it: it should end by itself, and is ended when it does not. Otherwise it would
//! keep the data locked for ever.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use footfall_daemon::file;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

/// How long it may take to end by itself, once its central is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked for.
const POLL: Duration = Duration::from_millis(50);

/// Writes down whom we started.
///
/// # Errors
/// What the file system says.
pub(super) fn remember(record: &Path, pid: u32) -> io::Result<()> {
    file::replace_unsynced(record, pid.to_string().as_bytes(), 0o600)
}

/// Waits until the one written down is gone, and ends it when that takes too long.
pub(super) async fn survive(record: &Path, data: &Path) {
    let Some(pid) = left_behind(record, data) else { return };
    tracing::info!(pid = pid.as_raw_nonzero(), "waiting for the event store of an earlier central to end");
    let deadline = Instant::now() + PATIENCE;
    while left_behind(record, data).is_some() {
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

/// The one written down, if it still runs and works on this data: a number alone may meanwhile be somebody else's.
fn left_behind(record: &Path, data: &Path) -> Option<Pid> {
    let pid = Pid::from_raw(fs::read_to_string(record).ok()?.trim().parse().ok()?)?;
    let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
    let data = data.as_os_str().as_encoded_bytes();
    command.split(|byte| *byte == 0).any(|argument| argument == data).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[tokio::test]
    async fn one_that_works_on_other_data_is_none_of_ours() {
        let dir = tempfile::tempdir().expect("temp dir");
        let record = dir.path().join("event-store.pid");
        survive(&record, dir.path()).await;
        remember(&record, std::process::id()).expect("written");
        assert!(left_behind(&record, dir.path()).is_none());
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_ended() {
        let dir = tempfile::tempdir().expect("temp dir");
        let record = dir.path().join("event-store.pid");
        let mut command = Command::new("sh");
        command.args(["-c", "read line", "sh"]).arg(dir.path()).stdin(Stdio::piped());
        let mut child = command.spawn().expect("started");
        remember(&record, child.id()).expect("written");
        let deadline = Instant::now() + PATIENCE;
        while left_behind(&record, dir.path()).is_none() {
            assert!(Instant::now() < deadline, "it never became the shell");
            sleep(POLL).await;
        }
        let reaped = tokio::task::spawn_blocking(move || {
            let _input = child.stdin.take();
            child.wait()
        });
        survive(&record, dir.path()).await;
        assert!(!reaped.await.expect("ran").expect("waited").success());
    }
}
