//! Real servers that somebody started: what they say of themselves, and how a story kills one and brings it back.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::{Services, read};
use crate::cluster::binaries;

/// The servers whose state lies in one folder; whoever started them ends them.
#[derive(Debug, Clone)]
pub struct Running {
    folder: PathBuf,
}

impl Running {
    /// Those of a folder.
    pub fn within(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The path of services.json.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.folder.join("services.json")
    }

    /// services.json as it stands now.
    #[must_use]
    pub fn now(&self) -> Services {
        read(&self.report())
    }

    /// Where all their state lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills a server with SIGKILL: of ClickHouse, both shards.
    pub fn kill(&self, name: &str) {
        for pid in self.now().pids(name) {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
            kill_process(pid, Signal::KILL)
                .unwrap_or_else(|error| panic!("{name} cannot be killed: {error}"));
        }
    }

    /// Starts what was killed again, on the same port with the same data, and waits until it answers.
    pub fn bring_back(&self, name: &str) {
        self.run("up", &[name], &["--no-build"]);
    }

    /// `cargo xtask services VERB NAMES`, which must succeed; answers its stdout.
    pub fn run(&self, verb: &str, names: &[&str], options: &[&str]) -> String {
        let output = self.command(verb, names).args(options).output().expect("xtask can be started");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "services {verb} {names:?} failed:\n{complaint}");
        String::from_utf8(output.stdout).expect("stdout is text")
    }

    pub(super) fn command(&self, verb: &str, names: &[&str]) -> Command {
        let program = binaries().join("xtask");
        assert!(
            program.is_file(),
            "{} is not built: run the stories through `cargo xtask test`",
            program.display()
        );
        let mut command = Command::new(program);
        command.args(["services", verb, "--data"]).arg(&self.folder).args(names);
        command
    }
}
