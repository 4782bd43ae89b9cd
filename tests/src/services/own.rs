//! Real servers of one story, ended with it.

use std::fs::{File, Permissions};
use std::io::BufReader;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, Stdio};

use footfall_daemon::ready;
use serde::de::IgnoredAny;

use super::Running;

/// On ports of their own, in a temporary folder: what the story kills disturbs nobody else.
#[derive(Debug)]
pub struct Own {
    running: Running,
    command: Child,
    /// The servers end when this closes, however the story ends.
    pipe: Option<ChildStdin>,
}

impl Own {
    /// Starts these (`kafka`, `postgresql`, `redis`, `s3`, `clickhouse`, `druid`; none means all) and waits until each has answered.
    #[must_use]
    pub fn start(names: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("footfall-services-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        // PostgreSQL may run as another user, who must reach its own part.
        std::fs::set_permissions(&folder, Permissions::from_mode(0o711)).expect("the folder is ours");
        let log = File::create(folder.join("up.log")).expect("a log");
        let running = Running::within(folder);
        let mut command = running.command("up", names);
        command.args(["--no-build", "--free-ports", "--until-eof"]);
        let mut command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("xtask can be started");
        let pipe = command.stdin.take();
        let mut output = BufReader::new(command.stdout.take().expect("stdout was piped"));
        let own = Self { running, command, pipe };
        if let Err(error) = ready::read::<IgnoredAny>(&mut output) {
            panic!("the services did not start, {error}:\n{}", own.log());
        }
        own
    }

    /// Ends them and removes everything that they wrote.
    pub fn finish(mut self) {
        drop(self.pipe.take());
        let status = self.command.wait().expect("the services can be waited for");
        assert!(status.success(), "the services ended badly ({status}):\n{}", self.log());
        std::fs::remove_dir_all(self.folder()).expect("the folder can be removed");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("up.log")).unwrap_or_default()
    }
}

impl Deref for Own {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.pipe.take().is_some() {
            // The story failed: its servers end by themselves, their logs stay.
            eprintln!("the services' folder stays: {}", self.folder().display());
            let _ = self.command.wait();
        }
    }
}
