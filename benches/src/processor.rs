//! Processor time of a process, from `/proc`. Reads only.

use std::time::Duration;

use anyhow::Context as _;

/// Clock ticks per second in `/proc/<pid>/stat`: fixed at 100 by the kernel's interface on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time that process `pid` has used so far.
///
/// # Errors
/// When there is no such process.
pub(crate) fn used(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("read the processor time of process {pid}"))?;
    // The command's name is in parentheses and may hold spaces; fields count from behind it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').context("a stat line names its command")?.1.split_whitespace().collect();
    let ticks = |index: usize| -> anyhow::Result<u64> {
        Ok(fields.get(index).context("a stat line has 52 fields")?.parse()?)
    };
    // utime and stime are fields 14 and 15 of proc(5), the first behind the name being 3.
    let total = ticks(11)? + ticks(12)?;
    Ok(Duration::from_millis(total * 1000 / TICKS_PER_SECOND))
}

/// Resident memory of process `pid`, bytes.
///
/// # Errors
/// When there is no such process.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS line")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
