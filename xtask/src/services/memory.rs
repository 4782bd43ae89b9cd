//! Whether the machine has the memory that servers take: one that has not ends some of them later, and says of it only in the kernel's log.

use super::layout::Layout;
use super::process::Process;
use super::server::Server;

/// A sentence when those that do not run yet take more than there is; `None` when there is enough, or nobody can tell.
pub(super) fn warning(servers: &[&Server], layout: &Layout) -> Option<String> {
    let is_new = |server: &&&Server| !server.recorded(layout).is_some_and(Process::is_running);
    let new: Vec<_> = servers.iter().filter(is_new).collect();
    let sum = |group: Option<&str>| {
        let of_group = new.iter().filter(|server| group.is_none_or(|group| server.group == group));
        of_group.map(|server| server.memory).sum()
    };
    sentence(sum(None), sum(Some("druid")), available(&std::fs::read_to_string("/proc/meminfo").ok()?)?)
}

/// MiB all: what is taken, how much of it by Druid, and what there is.
fn sentence(taken: u64, by_druid: u64, available: u64) -> Option<String> {
    if taken <= available {
        return None;
    }
    let remedy = if by_druid > 0 {
        format!(
            "; Druid's processes take {by_druid} of them, and need not run: `cargo xtask services up kafka postgresql redis s3 clickhouse`"
        )
    } else {
        String::new()
    };
    Some(format!("these servers take about {taken} MiB of memory, and {available} MiB are available{remedy}"))
}

/// proc(5), `meminfo`: in MiB, what can be had without swapping.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_short_of_memory_is_told_what_could_be_left_out() {
        let told = sentence(2735, 1460, 1100).unwrap();
        assert!(
            told.starts_with(
                "these servers take about 2735 MiB of memory, and 1100 MiB are available; Druid"
            )
        );
        assert!(told.contains("take 1460 of them"));
        assert_eq!(sentence(350, 0, 300).unwrap().split(';').count(), 1, "Druid is not asked for");
        assert_eq!(sentence(2735, 1460, 2735), None);
    }

    #[test]
    fn what_is_available_is_read_in_mebibytes() {
        let meminfo = "MemTotal:       24600000 kB\nMemFree:         100 kB\nMemAvailable:   2097152 kB\n";
        assert_eq!(available(meminfo), Some(2048));
        assert_eq!(available("MemTotal: 1 kB"), None);
    }
}
