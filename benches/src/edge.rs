//! One durable, enriched event per POST at the edge, beside nginx writing the same bodies to a buffered log: alternating rounds
//! on one core each, so that a noisy machine disturbs both alike. The edge forwards to a running central meanwhile.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;

use crate::nginx::Nginx;
use crate::stack::Stack;
use crate::{body, processor, wrk};

/// The processor of the server under test; the other one carries wrk and everything else.
const SERVER_CORE: u32 = 0;
const LOAD_CORE: u32 = 1;

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// Open connections, a line of the table for each.
    pub(crate) connections: &'a [u32],
    /// Rounds of nginx then edge.
    pub(crate) rounds: u32,
    /// Length of one run.
    pub(crate) seconds: u32,
}

/// One server's figures in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Measured {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Processor time for an answer, microseconds.
    pub(crate) cpu_us: f64,
    /// Median and 99th percentile, microseconds.
    pub(crate) p50_us: u64,
    /// See `p50_us`.
    pub(crate) p99_us: u64,
    /// Resident memory after the run, bytes, the geography databases included.
    pub(crate) resident: u64,
}

/// Both servers at one number of connections.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// Open connections.
    pub(crate) connections: u32,
    /// nginx, a figure per round.
    pub(crate) nginx: Vec<Measured>,
    /// The edge, a figure per round.
    pub(crate) edge: Vec<Measured>,
}

impl Line {
    /// The middle one of the rounds' ratios edge ÷ nginx.
    #[must_use]
    pub(crate) fn ratio(&self) -> f64 {
        median(self.edge.iter().zip(&self.nginx).map(|(edge, nginx)| edge.rate / nginx.rate).collect())
    }
}

/// Runs the plan against a cluster started for it.
///
/// # Errors
/// When a server does not start or any request fails.
pub(crate) fn run(stack: &Stack, folder: &Path, plan: Plan<'_>) -> anyhow::Result<Vec<Line>> {
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
    let template = body::template(&stack.tracking_id, now_ms);
    eprintln!("bodies of {} bytes", template.bytes.len());
    let script = body::write_script(folder, &template)?;
    let nginx = Nginx::start(folder, SERVER_CORE)?;
    let edge_pid = stack.pid("edge")?;
    hold_to_core(edge_pid, SERVER_CORE)?;
    for name in ["central", "event_store"] {
        let pid = stack.pid(name)?;
        hold_to_core(pid, LOAD_CORE)?;
        be_polite(pid)?;
    }
    let edge_url = format!("{}/e", stack.edge);
    let measure = |url: &str, pid: u32, connections: u32| -> anyhow::Result<Measured> {
        let before = processor::used(pid)?;
        let figures = wrk::run(wrk::Run {
            url,
            script: &script,
            template: &template,
            connections,
            seconds: plan.seconds,
            core: LOAD_CORE,
        })?;
        let used = processor::used(pid)?.saturating_sub(before);
        ensure!(figures.requests > 0, "{url} answered nothing");
        Ok(Measured {
            rate: figures.rate(),
            cpu_us: used.as_secs_f64() * 1e6 / figures.requests as f64,
            p50_us: figures.p50_us,
            p99_us: figures.p99_us,
            resident: processor::resident(pid)?,
        })
    };
    let mut lines = Vec::new();
    for &connections in plan.connections {
        let mut line = Line { connections, nginx: Vec::new(), edge: Vec::new() };
        for round in 1..=plan.rounds {
            let nginx_figures = measure(&nginx.url, nginx.worker, connections)?;
            let edge_figures = measure(&edge_url, edge_pid, connections)?;
            eprintln!(
                "{connections} connections, round {round}: nginx {:.0}/s ({:.1} µs cpu), edge {:.0}/s ({:.1} µs cpu), ratio {:.2}",
                nginx_figures.rate,
                nginx_figures.cpu_us,
                edge_figures.rate,
                edge_figures.cpu_us,
                edge_figures.rate / nginx_figures.rate
            );
            line.nginx.push(nginx_figures);
            line.edge.push(edge_figures);
            stack.await_forwarded(Duration::from_mins(2))?;
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Holds every thread of a process to one processor.
fn hold_to_core(pid: u32, core: u32) -> anyhow::Result<()> {
    let done =
        Command::new("taskset").args(["-a", "-c", "-p", &core.to_string(), &pid.to_string()]).output()?;
    ensure!(done.status.success(), "taskset: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Lets wrk, which shares the core, go first: the figure is the edge's, not that of what it feeds.
fn be_polite(pid: u32) -> anyhow::Result<()> {
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.file_name();
        let done = Command::new("renice").args(["-n", "15", "-p"]).arg(&task).output()?;
        ensure!(done.status.success(), "renice: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}

/// The middle value, of a list that is not empty.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
