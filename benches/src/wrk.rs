//! Runs wrk against one URL and reads its figures. Knows nothing of what is being measured.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::body::Template;

/// What one run of wrk saw.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Figures {
    /// Answers received.
    pub(crate) requests: u64,
    /// Length of the run.
    pub(crate) microseconds: u64,
    connect_errors: u64,
    read_errors: u64,
    write_errors: u64,
    timeouts: u64,
    /// Answers with a status of 400 or more.
    pub(crate) status_errors: u64,
    /// Median time to an answer, microseconds (closed loop: omits coordinated waiting).
    pub(crate) p50_us: u64,
    /// 99th percentile of the same.
    pub(crate) p99_us: u64,
}

impl Figures {
    /// Answers per second.
    #[must_use]
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / (self.microseconds as f64 / 1e6)
    }
}

/// One run: `connections` keep-alive connections from one thread, pinned to `core`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    /// Where to post.
    pub(crate) url: &'a str,
    /// The script of [`crate::body::write_script`].
    pub(crate) script: &'a Path,
    /// The body that the script cuts its requests from.
    pub(crate) template: &'a Template,
    /// Open connections.
    pub(crate) connections: u32,
    /// Length of the run.
    pub(crate) seconds: u32,
    /// The processor that wrk is held to.
    pub(crate) core: u32,
}

/// Runs wrk once.
///
/// # Errors
/// When wrk is missing, fails, or any request did not get a good answer: a figure with failures in it means nothing.
pub(crate) fn run(run: Run<'_>) -> anyhow::Result<Figures> {
    let folder = run.script.parent().context("the script stands in a folder")?;
    // Six printable bytes: they start the run's event ids and must differ from run to run.
    let salt = format!("{:06x}", std::process::id() ^ rough_clock());
    let output = Command::new("taskset")
        .args(["-c", &run.core.to_string(), "wrk", "--latency", "-t1"])
        .args(["-c", &run.connections.to_string(), "-d", &format!("{}s", run.seconds), "-s"])
        .arg(run.script)
        .arg(run.url)
        .env("FOOTFALL_BODY", folder.join("body.bin"))
        .env("FOOTFALL_AGENTS", folder.join("agents.txt"))
        .env("FOOTFALL_ID_AT", run.template.id_at.to_string())
        .env("FOOTFALL_SALT", &salt[salt.len() - 6..])
        .stderr(Stdio::inherit())
        .output()
        .context("start wrk: `apt-get install wrk` adds it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}");
    let Some(line) = text.lines().find_map(|line| line.strip_prefix("FIGURES ")) else {
        bail!("wrk printed no figures: {text}");
    };
    let figures: Figures = serde_json::from_str(line).context("read wrk's figures")?;
    let failures = figures.connect_errors
        + figures.read_errors
        + figures.write_errors
        + figures.timeouts
        + figures.status_errors;
    ensure!(failures == 0, "{failures} requests to {} failed: {line}", run.url);
    Ok(figures)
}

fn rough_clock() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| (since.as_millis() & 0xff_ffff) as u32)
}
