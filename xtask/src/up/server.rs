//! One of our servers over the whole run: started, started again a second after it died, drained at the end.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::process::{NotReady, Process, Stopped};
use crate::file::tail;

/// Between a death and the next start.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a restart may take until it is given up and tried again: recovery after a crash included.
const RESTART_PATIENCE: Duration = Duration::from_mins(1);

/// What is run, and the process while there is one.
pub(super) struct Server {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
    process: Option<Process>,
}

impl Server {
    pub(super) fn new(name: &'static str, program: PathBuf, arguments: Vec<OsString>, log: PathBuf) -> Self {
        Self { name, program, arguments, log, process: None }
    }

    /// Zero while it is not running.
    pub(super) fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, |process| process.pid)
    }

    /// Starts it and waits until it serves. The error is one sentence and the end of its log.
    pub(super) async fn start(&mut self, deadline: Instant) -> anyhow::Result<()> {
        let process = Process::start(&self.program, &self.arguments, &self.log)?;
        match self.process.insert(process).ready(deadline).await {
            Ok(()) => Ok(()),
            Err(NotReady::Ended(status)) => {
                self.process = None;
                anyhow::bail!(
                    "{} ended at its start ({status}); {}:\n{}",
                    self.name,
                    self.log.display(),
                    tail(&self.log, 8)
                )
            }
            Err(NotReady::Silent) => {
                anyhow::bail!(
                    "{} was not ready in time; {}:\n{}",
                    self.name,
                    self.log.display(),
                    tail(&self.log, 8)
                )
            }
        }
    }

    /// Starts it again whenever it dies, and tells its pid, until `stop`. Leaves it running then.
    pub(super) async fn keep(&mut self, pid: &watch::Sender<u32>, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Some(process) = &mut self.process {
                let ended = tokio::select! {
                    ended = process.ended() => ended,
                    () = stop.cancelled() => return,
                };
                self.process = None;
                let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                eprintln!("{} died ({how}): starting it again in {PAUSE:?}", self.name);
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return,
            }
            let started = tokio::select! {
                started = self.start(Instant::now() + RESTART_PATIENCE) => started,
                () = stop.cancelled() => return,
            };
            if let Err(error) = started {
                eprintln!("{error}");
                // One that hangs is killed by the drop, so that the next one finds ports and locks free.
                self.process = None;
            } else {
                pid.send_replace(self.pid());
            }
        }
    }

    /// Drains it; kills it when it takes too long. Says so, because a kill is never the plan.
    pub(super) async fn stop(&mut self, patience: Duration, hurry: &CancellationToken) {
        let Some(process) = self.process.take() else { return };
        match process.stop(patience, hurry).await {
            Stopped::Drained => {}
            Stopped::Killed => eprintln!("{} did not drain in time and was killed", self.name),
            Stopped::Left(error) => {
                eprintln!("warning: {} can be neither drained nor killed: {error}", self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(script: &str, folder: &std::path::Path) -> Server {
        Server::new("sh", "/bin/sh".into(), vec!["-c".into(), script.into()], folder.join("log"))
    }

    #[tokio::test]
    async fn one_that_dies_is_started_again_and_its_new_pid_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut server = server("echo 'READY {}'; exec cat", folder.path());
        server.start(Instant::now() + Duration::from_secs(20)).await.unwrap();
        let first = server.pid();
        let (tell, mut told) = watch::channel(first);
        let stop = CancellationToken::new();
        let story = async {
            let pid = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            told.changed().await.unwrap();
            stop.cancel();
            *told.borrow()
        };
        let ((), second) = tokio::join!(server.keep(&tell, &stop), story);
        assert_ne!(second, first);
        assert_eq!(server.pid(), second);
        server.stop(Duration::from_secs(20), &CancellationToken::new()).await;
    }

    #[tokio::test]
    async fn a_start_that_fails_shows_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut server = server("echo 'http.listen is no address' >&2; exit 64", folder.path());
        let error = server.start(Instant::now() + Duration::from_secs(20)).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 64") && error.contains("http.listen is no address"), "{error}");
    }
}
