//! What work cost: time by the clock, and time of all processors. Linux only: it reads /proc.

use std::fmt;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use anyhow::Context;

/// Time by the clock and time of all processors together, user and system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

impl Cost {
    /// Does the work and says what it cost this process and its children. A child counts once it was waited for.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> anyhow::Result<(T, Self)> {
        let (begun, before) = (Instant::now(), cpu_time("self")?);
        let done = work();
        let cpu = cpu_time("self")?.saturating_sub(before);
        Ok((done, Self { wall: begun.elapsed(), cpu }))
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wall = self.wall.as_secs();
        write!(f, "{:>3} min {:02} s  {:>6.1} CPU s", wall / 60, wall % 60, self.cpu.as_secs_f64())
    }
}

/// User and system time of a process (its id, or `self`) and of those of its children that it waited for. A process that has
/// ended tells it too, until it is waited for itself.
pub(super) fn cpu_time(process: &str) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = ticks(&text).with_context(|| format!("{path} is not as proc(5) says: {text}"))?;
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// utime, stime, cutime and cstime, the fields 14 to 17 of proc(5), added up. The program's name, the second one, stands in
/// parentheses and may hold spaces and parentheses itself.
fn ticks(stat: &str) -> Option<u64> {
    let (_, from_the_third) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = from_the_third.split(' ').skip(11).take(4).collect();
    (fields.len() == 4).then(|| fields.iter().map(|field| field.parse::<u64>().ok()).sum())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_fields_are_added_whatever_the_program_is_called() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 200 0 0 5 6 70 800 20 0 1 0 99";
        assert_eq!(ticks(stat), Some(881));
        assert_eq!(ticks("7 (a) S 1 7 7 0 -1 4194304 100 200 0 0 5 6"), None);
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn a_child_that_was_busy_is_counted() {
        let busy = || {
            std::process::Command::new("sh")
                .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"])
                .status()
        };
        let (status, cost) = Cost::of(busy).unwrap();
        assert!(status.unwrap().success());
        assert!(cost.cpu >= Duration::from_millis(10), "{cost:?}");
        assert!(cost.wall > Duration::ZERO, "{cost:?}");
    }

    #[test]
    fn it_reads_in_minutes() {
        let cost = Cost { wall: Duration::from_secs(125), cpu: Duration::from_millis(200_250) };
        assert_eq!(cost.to_string(), "  2 min 05 s   200.2 CPU s");
    }
}
