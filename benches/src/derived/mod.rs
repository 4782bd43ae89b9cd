//! Derived tables: how long reports of a month take, whether a rebuild beside a running load ends with the same rows, and what many small
//! websites cost.

mod load;
mod month;
mod reports;

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use footfall_harness::authority::Authority;
use serde::Serialize;

use crate::processor;
use crate::stack::{Certified, Stack};
use reports::{Gain, Report};

/// Events a second beside a rebuild.
const BESIDE: f64 = 2000.0;
/// Small websites, and how many events a minute each has.
const SMALL: usize = 1000;
const A_MINUTE: f64 = 1.0;
/// How long they are watched, and not at first.
const WATCHED: Duration = Duration::from_mins(4);
const WARMING: Duration = Duration::from_mins(1);
/// What derived tables are read as.
const TABLES: [&str; 8] = [
    "sessions_local",
    "page_views_hourly_local",
    "page_view_rollups_local",
    "hourly_summary_local",
    "daily_summary_local",
    "traffic_sources_daily_local",
    "conversions_local",
    "hourly_visits_local",
];

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    events: u64,
    reports: Vec<Report>,
    gains: Vec<Gain>,
    /// Of the first computation of all days, and of the one beside the load.
    rebuilds_s: (f64, f64),
    identical: bool,
    beside: u64,
    /// Table, rows, bytes on disk.
    sizes: Vec<(String, u64, u64)>,
    /// Cores that central and the event store use for small websites, with derived tables and without.
    small: (f64, f64),
}

/// Measures all of it, and says each figure once it is there.
///
/// # Errors
/// When a part does not start, or answers wrongly.
pub(crate) async fn run(folder: &Path, events: u64) -> anyhow::Result<Figures> {
    let authority = Authority::new(&folder.join("authority"));
    let month = folder.join("month");
    let stack =
        Stack::start_with(&month, &["--central=query.stale_seconds=0"], Some(&Certified(&authority)))?;
    let websites = load::websites(&stack, 20)?;
    stack.page_view().await?;
    let days = month::write(&stack, events).await?;
    println!("derived   {events} events of 30 days, half of them of the website that is asked about");
    let first = month::rebuild(&month, &days)?.0;
    println!("          all days computed in {first:.0} s");
    let sizes = sizes(&stack).await?;
    println!("          {:<40} {:>7} {:>7} {:>7}  target", "report of 30 days", "p50 ms", "p95 ms", "max ms");
    let mut reports = reports::in_the_store(&stack, &days).await?;
    reports.extend(reports::through_the_api(&stack, &days).await?);
    let gains = reports::gains(&stack, &days).await?;
    let mut edge = load::edge(&stack, &authority).await?;
    let rebuilding = std::thread::spawn(move || month::rebuild(&month, &days));
    let mut beside = 0;
    while !rebuilding.is_finished() {
        beside += load::run(&mut edge, &websites, BESIDE, Duration::from_secs(1)).await;
    }
    let (second, identical) = rebuilding.join().expect("it says what failed")?;
    println!(
        "          all days computed again in {second:.0} s while {beside} events came in at {BESIDE:.0}/s: {}",
        if identical { "every row is the same" } else { "ROWS DIFFER" }
    );
    ensure!(identical && beside > 0, "rows differ, or nothing came in");
    drop(stack);
    let small = (
        small_websites(&folder.join("with"), &authority, true).await?,
        small_websites(&folder.join("without"), &authority, false).await?,
    );
    println!(
        "          {SMALL} websites of {A_MINUTE} event a minute: {:.3} cores, {:.3} without derived tables: {:.3} more (target 0.1)",
        small.0,
        small.1,
        small.0 - small.1
    );
    Ok(Figures { events, reports, gains, rebuilds_s: (first, second), identical, beside, sizes, small })
}

/// The cores that central and the event store use.
async fn small_websites(folder: &Path, authority: &Authority, derive: bool) -> anyhow::Result<f64> {
    let setting = format!("--central=derive.enabled={derive}");
    let stack = Stack::start_with(folder, &[&setting], Some(&Certified(authority)))?;
    let websites = load::websites(&stack, SMALL)?;
    // A connection is alive as long as this thread looks after it: not while it waits for a program.
    let mut edge = load::edge(&stack, authority).await?;
    let a_second = SMALL as f64 * A_MINUTE / 60.0;
    load::run(&mut edge, &websites, a_second, WARMING).await;
    let pids = [stack.pid("central")?, stack.pid("event_store")?];
    let used = || pids.iter().try_fold(Duration::ZERO, |sum, pid| anyhow::Ok(sum + processor::used(*pid)?));
    let before = used()?;
    load::run(&mut edge, &websites, a_second, WATCHED).await;
    Ok((used()?.as_secs_f64() - before.as_secs_f64()) / WATCHED.as_secs_f64())
}

async fn sizes(stack: &Stack) -> anyhow::Result<Vec<(String, u64, u64)>> {
    let mut sizes = Vec::new();
    for table in std::iter::once("events_local").chain(TABLES) {
        let question = format!(
            "SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'footfall' AND table = '{table}' FORMAT TabSeparated"
        );
        let answer = stack.clickhouse(&question).await?;
        let (rows, bytes) = answer.split_once('\t').unwrap_or(("0", "0"));
        let (rows, bytes) = (rows.parse()?, bytes.parse()?);
        println!("          {table:<28} {rows:>10} rows {:>8.1} MiB", bytes as f64 / f64::from(1 << 20));
        sizes.push((table.to_owned(), rows, bytes));
    }
    Ok(sizes)
}
