//! Tests: random work on a disk that fails at random and loses power at random moments, against a ledger of what was
//! acknowledged and of what was read.

use std::collections::BTreeMap;

use super::*;
use crate::error::OpenError;

type Ledger = BTreeMap<u64, Entry>;

/// One life of a machine: processes that open the journal, work and are killed, then power loss.
fn live(dir: &Path, seed: u64, failing: u64, ledger: &mut Ledger) {
    let disk = Arc::new(FaultyDisk::default());
    disk.script().seed(seed);
    disk.script().failing = failing;
    for _ in 0..=disk.random(3) {
        run(dir, &disk, ledger);
    }
    disk.lose_power();
}

fn run(dir: &Path, disk: &Arc<FaultyDisk>, ledger: &mut Ledger) {
    {
        let mut script = disk.script();
        script.short = script.chance(300);
        let life = script.random(400);
        script.alive = Some(life);
    }
    let mut options = options(dir);
    if disk.chance(500) {
        options.segment_bytes = 256 << 10;
    }
    match Journal::open_on(options, Arc::<FaultyDisk>::clone(disk)) {
        Ok((journal, _)) => work(&journal, disk, ledger),
        Err(OpenError::Io { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

fn work(journal: &Journal, disk: &FaultyDisk, ledger: &mut Ledger) {
    // Whatever this opening shows to readers must stay, even if it was never acknowledged.
    let mut reader = journal.reader(journal.start());
    let mut failures = 0;
    while failures < 5 {
        let (appends, records) = (1 + disk.random(4), disk.random(4));
        let pending: Vec<_> = (0..appends)
            .map(|_| {
                let payloads: Vec<Bytes> = (0..records)
                    .map(|_| {
                        let (name, length) = (disk.random(u64::MAX), disk.random(1500));
                        Bytes::from(format!("{name:x}").repeat(1 + length as usize / 16))
                    })
                    .collect();
                (payloads.clone(), journal.append(payloads))
            })
            .collect();
        for (payloads, answer) in pending {
            match wait(answer) {
                Ok(Appended { epoch, first, count }) => {
                    assert_eq!(count as usize, payloads.len());
                    for (offset, payload) in (first..).zip(payloads) {
                        let old = ledger.insert(offset, Entry { offset, epoch, payload });
                        assert!(old.is_none(), "offset {offset} is given twice");
                    }
                }
                Err(error) => {
                    assert!(error.is_transient(), "{error}");
                    failures += 1;
                }
            }
        }
        if disk.chance(300) {
            while let Ok(Some(chunk)) = reader.try_next(2000) {
                for entry in chunk.entries {
                    assert!(entry.offset < journal.end(), "nothing is read beyond the end");
                    let known = ledger.entry(entry.offset).or_insert_with(|| entry.clone());
                    assert_eq!(*known, entry);
                }
            }
        }
    }
}

fn check(dir: &Path, ledger: &mut Ledger, seed: u64) {
    let (journal, recovery) = open(dir, &Arc::default());
    let found: Ledger = entries(&journal).into_iter().map(|entry| (entry.offset, entry)).collect();
    for (offset, entry) in &*ledger {
        assert_eq!(found.get(offset), Some(entry), "seed {seed}, offset {offset}, {recovery:?}");
    }
    assert_eq!(entries(&journal).len(), found.len(), "no offset is read twice");
    let next = append(&journal, "next").unwrap();
    let highest = found.keys().next_back().copied();
    assert!(highest.is_none_or(|highest| next.first > highest), "seed {seed}");
    // This check was a reader, too.
    *ledger = found;
    let payload = Bytes::from_static(b"next");
    ledger.insert(next.first, Entry { offset: next.first, epoch: next.epoch, payload });
}

fn lives(seeds: std::ops::Range<u64>, failing: u64) {
    for seed in seeds {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::new();
        for life in 0..4 {
            live(dir.path(), seed * 1000 + life, failing, &mut ledger);
            if (seed + life) % 2 == 0 {
                check(dir.path(), &mut ledger, seed);
            }
        }
        check(dir.path(), &mut ledger, seed);
    }
}

fn rounds() -> u64 {
    std::env::var("FOOTFALL_POWER_LOSSES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40)
}

#[test]
fn power_loss_takes_nothing_that_was_acknowledged_or_read() {
    lives(0..rounds(), 0);
}

#[test]
fn power_loss_on_a_failing_disk_takes_nothing_that_was_acknowledged_or_read() {
    lives(10_000..10_000 + rounds(), 40);
}
