//! What the system says about this process: time, memory, open files, threads, under the names that Prometheus' client libraries
//! use everywhere. Reads `/proc` when it is asked for; what cannot be read is left out.

use std::fmt::Error;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// Shows the metrics of this process in a registry, without the registry's prefix: give the one that has none.
pub fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

#[derive(Debug)]
struct Process;

/// The fields of `/proc/self/stat` that are shown: proc_pid_stat(5).
#[derive(Debug, PartialEq)]
struct Stat {
    /// User and system time, clock ticks.
    cpu_ticks: u64,
    threads: i64,
    /// After the system's start, clock ticks.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field, the program's name, may hold blanks and brackets: the fields are counted behind it, from the third on.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)? as i64,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// When the system was started, seconds since 1970, out of `/proc/stat`.
fn boot_time(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let stat = fs::read_to_string("/proc/self/stat").ok().and_then(|text| Stat::parse(&text));
        if let Some(stat) = stat {
            let ticks = clock_ticks_per_second() as f64;
            let cpu = ConstCounter::new(stat.cpu_ticks as f64 / ticks);
            let help = "User and system time of this process";
            cpu.encode(encoder.encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                cpu.metric_type(),
            )?)?;
            let pages = stat.resident_pages.saturating_mul(page_size() as u64);
            gauge(
                &mut encoder,
                "process_resident_memory",
                "Memory in use",
                Some(&Unit::Bytes),
                pages as i64,
            )?;
            let size = stat.virtual_bytes as i64;
            gauge(&mut encoder, "process_virtual_memory", "Addresses in use", Some(&Unit::Bytes), size)?;
            gauge(&mut encoder, "process_threads", "Threads", None, stat.threads)?;
            let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time(&text));
            if let Some(boot) = boot {
                let begun = ConstGauge::new(boot as f64 + stat.start_ticks as f64 / ticks);
                let (help, unit) = ("When this process was started, since 1970", Some(&Unit::Seconds));
                let kind = begun.metric_type();
                begun.encode(encoder.encode_descriptor("process_start_time", help, unit, kind)?)?;
            }
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // The folder that is being read is one of them.
            let open = open.count().saturating_sub(1);
            gauge(&mut encoder, "process_open_fds", "Open file descriptors", None, open as i64)?;
        }
        let limit = getrlimit(Resource::Nofile).current.map_or(i64::MAX, |limit| limit as i64);
        gauge(&mut encoder, "process_max_fds", "File descriptors that may be open", None, limit)
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: i64,
) -> Result<(), Error> {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    fn shown() -> String {
        let mut registry = Registry::default();
        register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        text
    }

    fn value(text: &str, name: &str) -> f64 {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a number")
    }

    #[test]
    fn this_process_is_measured_under_the_names_that_everybody_uses() {
        let before = shown();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        let begun = value(&before, "process_start_time_seconds");
        assert!(begun <= now + 1.0 && begun > now - 3600.0, "{begun} {now}");
        assert!(value(&before, "process_resident_memory_bytes") > 100_000.0);
        assert!(
            value(&before, "process_virtual_memory_bytes") > value(&before, "process_resident_memory_bytes")
        );
        assert!(value(&before, "process_threads") >= 1.0);
        assert!(value(&before, "process_max_fds") >= value(&before, "process_open_fds"));
        assert!(before.contains("# TYPE process_cpu_seconds counter"), "{before}");
        let files: Vec<_> = (0..200).map(|_| fs::File::open("/proc/self/stat").expect("open")).collect();
        assert!(value(&shown(), "process_open_fds") >= value(&before, "process_open_fds") + 100.0);
        drop(files);
        let first = value(&before, "process_cpu_seconds_total");
        let mut number = 1_u64;
        let later = loop {
            (0..10_000_000)
                .for_each(|step: u64| number = std::hint::black_box(number.wrapping_mul(step | 1)));
            let later = value(&shown(), "process_cpu_seconds_total");
            if later > first {
                break later;
            }
        };
        assert!(later < first + 60.0, "seconds, not ticks: {first} {later}");
    }

    #[test]
    fn a_name_with_brackets_and_blanks_moves_no_field() {
        let rest: Vec<String> = (4..=52).map(|number: u32| number.to_string()).collect();
        let text = format!("7 (a ) b) S {}", rest.join(" "));
        let stat =
            Stat { cpu_ticks: 14 + 15, threads: 20, start_ticks: 22, virtual_bytes: 23, resident_pages: 24 };
        assert_eq!(Stat::parse(&text), Some(stat));
        for rubbish in ["", "7 (a) S 1 2", "no bracket"] {
            assert_eq!(Stat::parse(rubbish), None);
        }
        assert_eq!(boot_time("cpu 1 2\nbtime 17\n"), Some(17));
        assert_eq!(boot_time("cpu 1 2\n"), None);
    }
}
