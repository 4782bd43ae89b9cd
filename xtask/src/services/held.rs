//! Services for as long as a value lives: what it had to start is ended with it, what was running before stays.
//!
//! They are held by a command of their own, which ends them at the end of its stdin: so they end even when we are killed.

use std::io::BufReader;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context;
use footfall_daemon::ready;
use serde::de::IgnoredAny;

use crate::file;

/// All but Druid.
const MOST: [&str; 5] = ["kafka", "postgresql", "redis", "s3", "clickhouse"];

/// Dropping it ends the servers. Their data and logs stay.
pub(crate) struct Held {
    folder: PathBuf,
    command: Child,
    pipe: Option<ChildStdin>,
}

impl Held {
    /// Starts them on ports of their own, with a folder that is new; Druid too where it is wanted.
    pub(crate) fn temporary(druid: bool) -> anyhow::Result<Self> {
        let mut random = [0; 6];
        getrandom::fill(&mut random).context("the system gives no random number")?;
        let name = format!("footfall-services-{}", file::hexadecimal(&random));
        Self::start(&std::env::temp_dir().join(name), true, druid)
    }

    /// Starts what of them is not running, and returns once each has answered. `free_ports` counts at the folder's first start.
    pub(crate) fn start(folder: &Path, free_ports: bool, druid: bool) -> anyhow::Result<Self> {
        // Not by its path: building the tests may have put another executable there meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.args(["services", "up", "--no-build", "--until-eof", "--data"]).arg(folder);
        command.args(MOST).args(druid.then_some("druid"));
        if free_ports {
            command.arg("--free-ports");
        }
        // A Ctrl-C at the terminal reaches only us.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut command = command.spawn().context("could not start `cargo xtask services`")?;
        let pipe = command.stdin.take();
        let output = command.stdout.take().context("stdout was piped")?;
        let held = Self { folder: folder.to_owned(), command, pipe };
        ready::read::<IgnoredAny>(&mut BufReader::new(output)).with_context(|| {
            format!("the services did not start; their logs lie in {}", held.folder.join("logs").display())
        })?;
        Ok(held)
    }

    /// The path of services.json.
    pub(crate) fn report(&self) -> PathBuf {
        self.folder.join("services.json")
    }

    /// Where to look when something went wrong.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends them and waits until they have ended.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.pipe.take());
        let status = self.command.wait().context("the services cannot be waited for")?;
        anyhow::ensure!(status.success(), "the services ended badly ({status})");
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.command.wait() {
            eprintln!("warning: the services cannot be waited for: {error}");
        }
    }
}
