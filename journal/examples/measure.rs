//! Prints how many appends of 600 bytes a second one journal makes durable, and how many syncs that takes. Run with
//! `cargo run --release -p footfall-journal --example measure [FOLDER]`; the folder should lie on the disk in question.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_journal::{AppendError, Journal, Options, Retention};

const LASTS: Duration = Duration::from_secs(3);
const BODY: usize = 600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("journal-measure-{}", std::process::id()));
    let measured = measure_all(&folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure_all(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    println!("appenders  pause  appends/s   syncs/s  appends/sync    p50     p99   p99.9");
    for appenders in [1, 64, 256] {
        for pause in [Duration::ZERO, Duration::from_micros(500)] {
            measure(folder, appenders, pause)?;
        }
    }
    recover(folder)
}

fn measure(folder: &Path, appenders: usize, sync_pause: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let dir = folder.join(format!("{appenders}-{}", sync_pause.as_micros()));
    let retention = Retention { age: Duration::ZERO, bytes: 0 };
    let (journal, _) = Journal::open(Options { retention, sync_pause, ..Options::new(&dir) })?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut waits = runtime.block_on(append(&journal, appenders))?;
    waits.sort_unstable();
    let at = |part: f64| waits[(waits.len() as f64 * part) as usize].as_micros();
    let (seconds, syncs) = (LASTS.as_secs_f64(), journal.stats().syncs as f64);
    println!(
        "{appenders:9} {:4} us {:10.0} {:9.0} {:13.1} {:4} us {:4} us {:4} us",
        sync_pause.as_micros(),
        waits.len() as f64 / seconds,
        syncs / seconds,
        waits.len() as f64 / syncs,
        at(0.5),
        at(0.99),
        at(0.999),
    );
    Ok(())
}

/// Appends from so many tasks for [`LASTS`], releasing all along; the time each append took.
async fn append(journal: &Journal, appenders: usize) -> Result<Vec<Duration>, Box<dyn std::error::Error>> {
    let body = Bytes::from(vec![b'x'; BODY]);
    let until = Instant::now() + LASTS;
    let tasks: Vec<_> = (0..appenders)
        .map(|_| {
            let (journal, body) = (journal.clone(), body.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let began = Instant::now();
                    let appended = journal.append(vec![body.clone()]).await?;
                    waits.push(began.elapsed());
                    if appended.first.is_multiple_of(10_000) {
                        journal.release(appended.first);
                    }
                }
                Ok::<_, AppendError>(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    Ok(waits)
}

/// How long an opening takes with 1 GiB to check.
fn recover(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::new(folder.join("recover"));
    let (journal, _) = Journal::open(options.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let body = Bytes::from(vec![b'x'; BODY]);
    while journal.stats().bytes < 1 << 30 {
        runtime.block_on(journal.append(vec![body.clone(); 10_000]))?;
    }
    drop(journal);
    let (_, recovery) = Journal::open(options)?;
    println!(
        "opening with {} records in {} bytes took {:?}",
        recovery.records, recovery.bytes, recovery.took
    );
    Ok(())
}
