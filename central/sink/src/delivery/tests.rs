//! Delivery against a store that fails in every way a real one was seen to fail.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use proptest::prelude::*;

use super::super::batch::Planner;
use super::*;
use footfall_clickhouse::Millis;
use footfall_tables::events::EventRow;

const DAY_MS: i64 = 86_400_000;
const DAY: i64 = 20_000;

/// What happens to one insert.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Stored,
    /// The connection is cut before anything happened.
    Lost,
    /// Stored, but the answer is lost.
    Unanswered,
    /// Killed between the token and the rows: nothing is stored, and a retry under the same token is swallowed.
    TokenOnly,
    /// Answered well, and nothing is stored.
    Swallowed,
    /// Still running when the answer is lost; it would be stored a little later, unless it is ended.
    Zombie,
    /// The same, but quicker than its end: stored while it is being ended.
    QuickZombie,
}

#[derive(Debug, thiserror::Error)]
#[error("fault")]
struct Failed(Fault);

/// A store that outlives its clients.
#[derive(Default)]
struct Disk {
    rows: BTreeMap<Coordinate, u32>,
    tokens: HashSet<String>,
    running: Vec<(Vec<Coordinate>, String)>,
    quick: Vec<(Vec<Coordinate>, String)>,
    fates: VecDeque<Fate>,
    bad: HashSet<Coordinate>,
    inserts: usize,
}

#[derive(Clone, Default)]
struct FaultyTable {
    disk: Arc<Mutex<Disk>>,
}

impl Disk {
    fn store(&mut self, rows: &[Coordinate], token: &str) {
        if self.tokens.insert(token.to_owned()) {
            for row in rows {
                *self.rows.entry(*row).or_default() += 1;
            }
        }
    }

    /// What still runs gets done, as it may at any moment before it is ended.
    fn let_zombies_finish(&mut self) {
        self.running.append(&mut self.quick);
        for (rows, token) in std::mem::take(&mut self.running) {
            self.store(&rows, &token);
        }
    }
}

impl Table for FaultyTable {
    type Error = Failed;

    fn fault(error: &Failed) -> Fault {
        error.0
    }

    fn token(&self, insert: &Insert, fresh: u64) -> String {
        insert.token([1; 16], 0, fresh)
    }

    async fn settle(&mut self) -> Result<(), Failed> {
        let mut disk = self.disk.lock().expect("lock");
        disk.running.clear();
        disk.let_zombies_finish();
        Ok(())
    }

    async fn highest(&mut self, from: u64) -> Result<Option<u64>, Failed> {
        let disk = self.disk.lock().expect("lock");
        Ok(disk.rows.keys().next_back().map(|row| row.offset).filter(|offset| *offset >= from))
    }

    async fn stored(&mut self, first: u64, last: u64, day: u16) -> Result<Vec<Coordinate>, Failed> {
        let disk = self.disk.lock().expect("lock");
        let within = disk
            .rows
            .iter()
            .filter(|(row, _)| (first..=last).contains(&row.offset) && day_of(row.offset) == day);
        Ok(within.flat_map(|(row, count)| std::iter::repeat_n(*row, *count as usize)).collect())
    }

    async fn insert(&mut self, insert: &Insert, token: String) -> Result<(), Failed> {
        let rows = insert.rows().to_vec();
        let mut disk = self.disk.lock().expect("lock");
        disk.inserts += 1;
        if rows.iter().any(|row| disk.bad.contains(row)) {
            return Err(Failed(Fault::Poison));
        }
        match disk.fates.pop_front().unwrap_or(Fate::Stored) {
            Fate::Stored => {
                disk.store(&rows, &token);
                return Ok(());
            }
            Fate::Swallowed => return Ok(()),
            Fate::Lost => {}
            Fate::Unanswered => disk.store(&rows, &token),
            Fate::TokenOnly => drop(disk.tokens.insert(token)),
            Fate::Zombie => disk.running.push((rows, token)),
            Fate::QuickZombie => disk.quick.push((rows, token)),
        }
        Err(Failed(Fault::Transient))
    }
}

/// Every seventh record was received a day earlier.
fn day_of(offset: u64) -> u16 {
    (DAY - i64::from(offset.is_multiple_of(7))) as u16
}

/// Two rows for each offset, as one batch.
fn batch(offsets: std::ops::Range<u64>) -> Vec<Insert> {
    let mut planner = Planner::default();
    for offset in offsets {
        for index in 0..2 {
            let server_timestamp = Millis(i64::from(day_of(offset)) * DAY_MS);
            let row =
                EventRow { log_offset: offset, log_index: index, server_timestamp, ..EventRow::default() };
            planner.add(&row, Instant::now());
        }
    }
    planner.take()
}

fn faulty(fates: Vec<Fate>) -> FaultyTable {
    let table = FaultyTable::default();
    table.disk.lock().expect("lock").fates = fates.into();
    table
}

fn assert_each_once(table: &FaultyTable, offsets: std::ops::Range<u64>) {
    let disk = table.disk.lock().expect("lock");
    let expected = offsets.flat_map(|offset| [0, 1].map(|index| (Coordinate { offset, index }, 1)));
    assert_eq!(disk.rows, expected.collect());
}

fn ready<F: Future>(future: F) -> F::Output {
    futures_util::FutureExt::now_or_never(future).expect("nothing here waits")
}

#[test]
fn without_faults_each_insert_is_sent_once_and_nothing_is_asked_twice() {
    let table = faulty(Vec::new());
    let inserts = batch(0..20);
    let mut delivery = Delivery::new(table.clone(), 0, 1);
    assert!(ready(delivery.deliver(&inserts, 0, 20)).expect("delivered").is_empty());
    assert_each_once(&table, 0..20);
    assert_eq!(table.disk.lock().expect("lock").inserts, inserts.len());
}

#[test]
fn an_insert_that_left_its_token_but_not_its_rows_is_repaired() {
    let table = faulty(vec![Fate::TokenOnly]);
    let inserts = batch(1..7);
    let mut delivery = Delivery::new(table.clone(), 0, 1);
    assert!(ready(delivery.deliver(&inserts, 0, 7)).is_err());
    assert!(ready(delivery.deliver(&inserts, 0, 7)).expect("delivered").is_empty());
    assert_each_once(&table, 1..7);
    assert!(delivery.repaired > 0);
}

#[test]
fn a_store_that_swallows_rows_again_and_again_is_left_in_peace_and_asked_again_later() {
    let table = faulty([vec![Fate::Lost], vec![Fate::Swallowed; ATTEMPTS as usize]].concat());
    let inserts = batch(1..7);
    let mut delivery = Delivery::new(table.clone(), 0, 1);
    assert!(ready(delivery.deliver(&inserts, 0, 7)).is_err());
    let stopped = ready(delivery.deliver(&inserts, 0, 7)).expect_err("stopped");
    assert!(matches!(stopped, DeliveryError::Swallowed(12)), "{stopped}");
    assert_eq!(stopped.fault(FaultyTable::fault), Fault::Transient);
    assert!(ready(delivery.deliver(&inserts, 0, 7)).expect("delivered").is_empty());
    assert_each_once(&table, 1..7);
}

#[test]
fn an_insert_that_still_runs_is_ended_before_its_rows_are_sent_under_another_token() {
    // The first token is burnt, and the insert under a fresh one is cut off while it runs.
    let table = faulty(vec![Fate::TokenOnly, Fate::Stored, Fate::Zombie]);
    let inserts = batch(1..7);
    let mut delivery = Delivery::new(table.clone(), 0, 1);
    assert!(ready(delivery.deliver(&inserts, 0, 7)).is_err());
    assert!(ready(delivery.deliver(&inserts, 0, 7)).is_err());
    assert_eq!(table.disk.lock().expect("lock").running.len(), 1);
    assert!(ready(delivery.deliver(&inserts, 0, 7)).expect("delivered").is_empty());
    table.disk.lock().expect("lock").let_zombies_finish();
    assert_each_once(&table, 1..7);
}

#[test]
fn the_store_is_asked_what_it_has_only_once_nothing_runs_any_more() {
    let table = faulty(vec![Fate::QuickZombie]);
    assert!(ready(Delivery::new(table.clone(), 0, 1).deliver(&batch(1..7), 0, 7)).is_err());
    // After a restart the batch is cut anew, so that its tokens are no guard.
    let mut delivery = Delivery::new(table.clone(), 7, 2);
    for offsets in [1..4, 4..7] {
        let inserts = batch(offsets.clone());
        assert!(ready(delivery.deliver(&inserts, offsets.start, offsets.end)).expect("delivered").is_empty());
    }
    assert_each_once(&table, 1..7);
}

#[test]
fn after_a_restart_what_is_stored_is_left_out_however_the_batch_is_cut() {
    let table = faulty(vec![Fate::Stored, Fate::Unanswered]);
    let inserts = batch(0..30);
    assert!(ready(Delivery::new(table.clone(), 0, 1).deliver(&inserts, 0, 30)).is_err());
    let mut delivery = Delivery::new(table.clone(), 30, 2);
    for offsets in [0..4, 4..5, 5..40] {
        let inserts = batch(offsets.clone());
        assert!(ready(delivery.deliver(&inserts, offsets.start, offsets.end)).expect("delivered").is_empty());
    }
    assert_each_once(&table, 0..40);
    assert_eq!(delivery.left_out, 60);
}

#[test]
fn rows_that_nobody_sent_and_rows_that_are_there_twice_stop_everything() {
    for (index, times) in [(7, 1), (0, 2)] {
        let table = faulty(vec![Fate::Lost]);
        let inserts = batch(1..5);
        let mut delivery = Delivery::new(table.clone(), 0, 1);
        assert!(ready(delivery.deliver(&inserts, 0, 5)).is_err());
        table.disk.lock().expect("lock").rows.insert(Coordinate { offset: 2, index }, times);
        let stopped = ready(delivery.deliver(&inserts, 0, 5)).expect_err("stopped");
        assert!(matches!(stopped, DeliveryError::Surplus { .. }), "{stopped}");
        assert_eq!(stopped.fault(FaultyTable::fault), Fault::Permanent);
    }
}

#[test]
fn rows_that_are_bad_data_are_found_and_told_once_and_the_others_are_stored() {
    // What is new, and what may be there from an earlier attempt. Offset 7 is of the day before, which is sent last.
    for doubtful in [0, 20] {
        let table = faulty(Vec::new());
        let bad = [(7, 0), (8, 0), (9, 0), (9, 1)].map(|(offset, index)| Coordinate { offset, index });
        table.disk.lock().expect("lock").bad.extend(bad);
        let inserts = batch(0..20);
        let mut delivery = Delivery::new(table.clone(), doubtful, 1);
        let mut refused = ready(delivery.deliver(&inserts, 0, 20)).expect("delivered");
        refused.sort_unstable();
        assert_eq!(refused, bad);
        let disk = table.disk.lock().expect("lock");
        assert_eq!((disk.rows.len(), disk.rows.values().max()), (36, Some(&1)), "once each");
        assert_eq!(delivery.repaired, 0, "nothing was swallowed");
    }
}

#[test]
fn a_table_that_refuses_everything_is_not_taken_for_bad_rows() {
    let table = faulty(Vec::new());
    let inserts = batch(0..20);
    table.disk.lock().expect("lock").bad = inserts.iter().flat_map(Insert::rows).copied().collect();
    let stopped = ready(Delivery::new(table, 0, 1).deliver(&inserts, 0, 20)).expect_err("stopped");
    assert_eq!(stopped.fault(FaultyTable::fault), Fault::Permanent);
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Stored), 1 => Just(Fate::Lost), 1 => Just(Fate::Unanswered), 1 => Just(Fate::TokenOnly),
        1 => Just(Fate::Zombie), 1 => Just(Fate::QuickZombie)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The deliverer dies and comes back with nothing but its committed offset, batches are cut anew, the store fails at random.
    #[test]
    fn every_row_is_stored_exactly_once_whatever_fails(
        fates in prop::collection::vec(fates(), 0..40),
        cuts in prop::collection::vec(1_u64..12, 1..40),
        deaths in prop::collection::vec(prop::bool::weighted(0.3), 40),
        seed in any::<u64>(),
    ) {
        const END: u64 = 40;
        let table = faulty(fates);
        let (mut committed, mut cuts, mut deaths) = (0, cuts.into_iter().cycle(), deaths.into_iter());
        let mut delivery = Delivery::new(table.clone(), 0, seed);
        let mut lives = 0_u64;
        while committed < END {
            let next = (committed + cuts.next().expect("endless")).min(END);
            let inserts = batch(committed..next);
            loop {
                let delivered = ready(delivery.deliver(&inserts, committed, next));
                let dies = deaths.next().unwrap_or(false);
                if dies {
                    // Killed before or after the insert, in any case before the commit.
                    lives += 1;
                    delivery = Delivery::new(table.clone(), END, seed ^ lives);
                    break;
                }
                match delivered {
                    Ok(refused) => {
                        prop_assert!(refused.is_empty());
                        committed = next;
                        break;
                    }
                    Err(error) => prop_assert_eq!(error.fault(FaultyTable::fault), Fault::Transient),
                }
            }
        }
        table.disk.lock().expect("lock").let_zombies_finish();
        assert_each_once(&table, 0..END);
    }
}
