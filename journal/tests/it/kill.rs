//! Tests: a process that appends is killed with SIGKILL, again and again; the parent keeps the ledger of what it acknowledged.
//!
//! `FOOTFALL_KILLS` sets the number of kills (30), `FOOTFALL_SEED` where their random moments begin.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::harness::{entries_from, open, wait};
use bytes::Bytes;
use footfall_journal::{Journal, Options};

const CHILD: &str = "FOOTFALL_JOURNAL_CHILD";
const READY: &str = "\n=ready";
const ACKNOWLEDGED: &str = "\n=ack ";

/// Sizes that make segments roll while a process lives.
fn options(dir: &Path) -> Options {
    Options { segment_bytes: 256 << 10, ..crate::harness::options(dir) }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What a record says is derived from its name, so that the ledger needs the name only.
fn payload(name: &str) -> Bytes {
    let length = 16 + crude_hash(name) % 1500;
    let mut payload = format!("{name};").repeat(length / name.len() + 2);
    payload.truncate(length.max(name.len() + 1));
    payload.into()
}

fn crude_hash(text: &str) -> usize {
    text.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte))) >> 3
}

fn name_of(payload: &[u8]) -> String {
    let name = payload.split(|byte| *byte == b';').next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// One line in one write: the parent sees all of it or nothing.
fn tell(line: &str) {
    let mut out = std::io::stdout();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent listens");
}

async fn append_forever(journal: Journal, life: String, task: u64) {
    for n in 0_u64.. {
        let names: Vec<String> = (0..=n % 3).map(|part| format!("{life}.{task}.{n}.{part}")).collect();
        let appended =
            journal.append(names.iter().map(|name| payload(name)).collect()).await.expect("there is room");
        tell(&format!("{ACKNOWLEDGED}{} {} {}\n", appended.first, appended.epoch, names.join(" ")));
    }
}

/// The child: not a test of its own; does nothing unless the parent below starts it.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let (life, dir) = order.split_once(' ').expect("the parent says both");
    let (journal, _) = open(options(Path::new(dir)));
    tell(&format!("{READY}\n"));
    wait(async {
        let tasks: Vec<_> =
            (0..8).map(|task| tokio::spawn(append_forever(journal.clone(), life.to_owned(), task))).collect();
        for task in tasks {
            task.await.expect("appending goes on");
        }
    });
}

/// Offset and epoch by the name of the record.
type Ledger = BTreeMap<String, (u64, String)>;

/// Starts the child, kills it after `life` from its start or from its being ready, and takes down what it acknowledged.
fn kill_one(dir: &Path, round: u64, from_ready: bool, life: Duration, ledger: &mut Ledger) {
    let mut child = Command::new(std::env::current_exe().expect("this very program"))
        .args(["--exact", "kill::child_that_appends_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("r{round} {}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let (ready, is_ready) = mpsc::channel();
    let listener = std::thread::spawn(move || {
        let mut acknowledged = Vec::new();
        for line in lines.map_while(Result::ok) {
            if line == READY.trim_start() {
                ready.send(()).unwrap_or_default();
            } else if let Some(line) = line.strip_prefix(ACKNOWLEDGED.trim_start()) {
                acknowledged.push(line.to_owned());
            }
        }
        acknowledged
    });
    if from_ready {
        is_ready.recv_timeout(Duration::from_secs(30)).expect("the child opens the journal");
    }
    std::thread::sleep(life);
    child.kill().expect("SIGKILL");
    assert!(!child.wait().expect("it is gone").success());
    for line in listener.join().expect("the listener listens") {
        let mut words = line.split(' ');
        let (first, epoch) = (words.next().expect("an offset"), words.next().expect("an epoch"));
        let first: u64 = first.parse().expect("a number");
        for (offset, name) in (first..).zip(words) {
            assert!(ledger.insert(name.to_owned(), (offset, epoch.to_owned())).is_none());
        }
    }
}

/// Every acknowledged record is where the answer said, once; and there is nothing twice.
fn check(dir: &Path, ledger: &Ledger) {
    let (journal, recovery) = open(options(dir));
    assert_eq!(recovery.damaged_headers, 0, "{recovery:?}");
    // Whoever is killed amid a write may leave a record half written, which nobody was told of: its offset is not given again.
    assert!(recovery.missing == 0 || recovery.torn_bytes > 0, "{recovery:?}");
    let mut seen = HashSet::new();
    let mut found = 0;
    for entry in entries_from(&journal, 0) {
        let name = name_of(&entry.payload);
        assert_eq!(entry.payload, payload(&name));
        if let Some((offset, epoch)) = ledger.get(&name) {
            assert_eq!((*offset, epoch), (entry.offset, &entry.epoch.to_string()), "{name}");
            found += 1;
        }
        assert!(seen.insert(name.clone()), "{name} is there twice");
    }
    assert_eq!(found, ledger.len(), "acknowledged records are lost");
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (kills, seed) = (number("FOOTFALL_KILLS", 30), number("FOOTFALL_SEED", 1));
    let mut ledger = Ledger::new();
    for round in 0..kills {
        let random = crude_hash(&format!("{seed} {round} moment")) as u64;
        // Every fourth is killed somewhere in its start, recovery included.
        let from_ready = round % 4 != 0;
        kill_one(dir.path(), round, from_ready, Duration::from_micros(random % 60_000), &mut ledger);
        if round % 10 == 9 || round + 1 == kills {
            check(dir.path(), &ledger);
        }
    }
    println!("{kills} kills, seed {seed}: {} acknowledged records, all there once", ledger.len());
    assert!(ledger.len() as u64 > kills, "the processes did append: {}", ledger.len());
}
