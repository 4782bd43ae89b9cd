//! Tests: random histories of appends, releases, reads, damage and openings against a model. `FOOTFALL_HISTORIES` sets their
//! number (60).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::harness::{entries_from, open, segments, wait};
use bytes::Bytes;
use footfall_journal::{Epoch, Journal, Options};
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
enum Action {
    /// Appends of records of these lengths, all queued before the first is awaited.
    Append(Vec<Vec<u16>>),
    Release(Index),
    Read(Index),
    Reopen,
    /// Flips a bit of a segment while the journal is closed.
    Flip(Index, Index, u8),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let lengths = prop::collection::vec(prop::collection::vec(0u16..2500, 0..5), 1..5);
    let action = prop_oneof![
        6 => lengths.prop_map(Action::Append),
        1 => any::<Index>().prop_map(Action::Release),
        2 => any::<Index>().prop_map(Action::Read),
        2 => Just(Action::Reopen),
        1 => (any::<Index>(), any::<Index>(), 0u8..8).prop_map(|(file, at, bit)| Action::Flip(file, at, bit)),
    ];
    prop::collection::vec(action, 1..40)
}

/// What must be in the journal.
#[derive(Default)]
struct Model {
    records: BTreeMap<u64, (Epoch, Bytes)>,
    released: u64,
    made: u64,
    lost: u64,
}

impl Model {
    fn payload(&mut self, length: u16) -> Bytes {
        self.made += 1;
        let mut payload = self.made.to_le_bytes().repeat(usize::from(length) / 8 + 1);
        payload.truncate(usize::from(length).max(8));
        payload.into()
    }

    /// Compares with what a reader finds from `from` on; what damage took may be missing once.
    fn compare(&mut self, journal: &Journal, from: u64, mut damaged: u64) {
        let found: BTreeMap<u64, (Epoch, Bytes)> = entries_from(journal, from)
            .into_iter()
            .map(|entry| (entry.offset, (entry.epoch, entry.payload)))
            .collect();
        for (offset, record) in &found {
            assert_eq!(
                self.records.get(offset),
                Some(record),
                "offset {offset} was never acknowledged like this"
            );
        }
        let missing: Vec<u64> = self
            .records
            .range(from..)
            .map(|(offset, _)| *offset)
            .filter(|offset| !found.contains_key(offset))
            .collect();
        for offset in missing {
            assert!(damaged > 0, "offset {offset} is lost");
            damaged -= 1;
            self.lost += 1;
            self.records.remove(&offset);
        }
    }
}

fn small(dir: &Path) -> Options {
    Options { max_bytes: 300_000, max_record_bytes: 4000, ..crate::harness::options(dir) }
}

fn play(actions: Vec<Action>) {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let (mut journal, _) = open(small(dir.path()));
    for action in actions {
        match action {
            Action::Append(requests) => {
                let queued: Vec<_> = requests
                    .into_iter()
                    .map(|lengths| {
                        let payloads: Vec<_> =
                            lengths.into_iter().map(|length| model.payload(length)).collect();
                        (payloads.clone(), journal.append(payloads))
                    })
                    .collect();
                for (payloads, answer) in queued {
                    let Ok(appended) = wait(answer) else {
                        assert!(
                            journal.stats().unreleased_bytes > 200_000,
                            "nothing but a full journal refuses"
                        );
                        continue;
                    };
                    assert_eq!(appended.count as usize, payloads.len());
                    for (offset, payload) in (appended.first..).zip(payloads) {
                        assert!(model.records.insert(offset, (appended.epoch, payload)).is_none());
                    }
                }
            }
            Action::Release(part) => {
                let below = part.index(journal.end() as usize + 1) as u64;
                journal.release(below);
                model.released = model.released.max(below);
            }
            Action::Read(part) => {
                let from = part.index(journal.end() as usize + 1) as u64;
                model.compare(&journal, from, 0);
            }
            Action::Reopen => {
                drop(journal);
                let (opened, recovery) = open(small(dir.path()));
                journal = opened;
                assert_eq!((recovery.torn_bytes, recovery.records), (0, model.records.len() as u64));
            }
            Action::Flip(file, at, bit) => {
                drop(journal);
                let files = segments(dir.path());
                let path = file.get(&files);
                let mut bytes = fs::read(path).unwrap();
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
                fs::write(path, bytes).unwrap();
                let (opened, recovery) = open(small(dir.path()));
                journal = opened;
                let lost = model.lost;
                model.compare(&journal, 0, 1);
                let told = recovery.missing + u64::from(recovery.torn_bytes > 0);
                assert!(told >= model.lost.min(lost + 1) - lost, "a loss is told: {recovery:?}");
            }
        }
        assert_eq!(journal.released(), model.released);
        assert_eq!(journal.start(), 0);
        let highest = model.records.keys().next_back().copied();
        assert!(highest.is_none_or(|highest| highest < journal.end()));
    }
    model.compare(&journal, 0, 0);
    let appended = wait(journal.append(vec!["last".into()]));
    let highest = model.records.keys().next_back().copied();
    assert!(appended.is_err() || highest.is_none_or(|highest| highest < appended.unwrap().first));
}

fn cases() -> u32 {
    std::env::var("FOOTFALL_HISTORIES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_leaves_what_the_model_holds(actions in actions()) {
        play(actions);
    }
}
