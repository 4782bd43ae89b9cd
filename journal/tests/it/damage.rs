//! Tests: a real journal cut at every byte of its last records, and hit by a flipped bit at every byte of its files.

use std::fs;
use std::path::Path;

use crate::harness::{append, contents, open, options, segments, wait};
use bytes::Bytes;
use footfall_journal::{Journal, Recovery};

/// Where a segment's records begin.
const DATA: usize = 8192;

fn payloads() -> Vec<Bytes> {
    (0..9_u8).map(|n| Bytes::from(vec![n + b'a'; usize::from(n) * 7 % 31])).collect()
}

/// A journal of two segments, the first of them with six records of another opening; its files' bytes.
fn sample(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    wait(open(options(dir)).0.append(payloads()[..6].to_vec())).unwrap();
    wait(open(options(dir)).0.append(payloads()[6..].to_vec())).unwrap();
    let files: Vec<_> =
        segments(dir).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    assert_eq!(files.len(), 2);
    files
}

/// The sample again, with one file replaced, opened.
fn reopened(
    dir: &Path,
    files: &[(std::path::PathBuf, Vec<u8>)],
    n: usize,
    bytes: &[u8],
) -> (Journal, Recovery) {
    for path in segments(dir) {
        fs::remove_file(path).unwrap();
    }
    for (path, bytes) in files {
        fs::write(path, bytes).unwrap();
    }
    fs::write(&files[n].0, bytes).unwrap();
    open(options(dir))
}

fn expected(offsets: impl Iterator<Item = usize>) -> Vec<(u64, Bytes)> {
    offsets.map(|offset| (offset as u64, payloads()[offset].clone())).collect()
}

/// One past the position of each record's last byte that matters, padding left out.
fn ends(payloads: &[Bytes]) -> Vec<usize> {
    let mut at = DATA;
    payloads
        .iter()
        .map(|payload| {
            let end = at + 24 + payload.len();
            at = end.next_multiple_of(8);
            end
        })
        .collect()
}

#[test]
fn a_journal_cut_at_any_byte_has_every_record_before_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let whole = &files[1].1;
    for cut in DATA..=whole.len() {
        let (journal, recovery) = reopened(dir.path(), &files, 1, &whole[..cut]);
        let left = 6 + ends(&payloads()[6..]).partition_point(|end| *end <= cut);
        assert_eq!(contents(&journal), expected(0..left), "cut at {cut}");
        assert!(recovery.missing <= 1 && recovery.records == left as u64, "cut at {cut}: {recovery:?}");
        // What comes now gets an offset that nobody had, and a later opening agrees with this one.
        let appended = append(&journal, "after").unwrap();
        assert!(appended.first >= left as u64);
        let found = contents(&journal);
        drop(journal);
        let (journal, again) = open(options(dir.path()));
        assert_eq!((contents(&journal), again.torn_bytes), (found, 0), "cut at {cut}");
    }
}

#[test]
fn a_journal_whose_last_file_ends_within_its_header_keeps_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    for cut in (0..DATA).step_by(512) {
        let (journal, _) = reopened(dir.path(), &files, 1, &files[1].1[..cut]);
        assert_eq!(contents(&journal), expected(0..6), "cut at {cut}");
        assert_eq!(append(&journal, "after").unwrap().first, 6);
    }
}

#[test]
fn a_flipped_bit_costs_the_record_it_hits_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    for (n, (_, whole)) in files.iter().enumerate() {
        let (from, to) = [(0, 6), (6, 9)][n];
        let ends = ends(&payloads()[from..to]);
        for at in (0..64).chain(4096..4096 + 64).chain(DATA..whole.len()) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            let (journal, recovery) = reopened(dir.path(), &files, n, &flipped);
            let hit = from + ends.partition_point(|end| *end <= at);
            let lost = at >= DATA && hit < to && {
                let start = if hit == from { DATA } else { ends[hit - from - 1].next_multiple_of(8) };
                at >= start
            };
            let left = expected((0..9).filter(|offset| !lost || *offset != hit));
            assert_eq!(contents(&journal), left, "byte {at} of file {n}");
            let told = recovery.missing.max(u64::from(recovery.torn_bytes > 0));
            assert_eq!(
                (told, recovery.damaged_headers),
                (u64::from(lost), 0),
                "byte {at} of file {n}: {recovery:?}"
            );
            assert!(append(&journal, "after").unwrap().first >= 9, "byte {at} of file {n}");
        }
    }
}

#[test]
fn a_segment_without_any_sound_header_loses_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    for n in 0..2 {
        let mut bytes = files[n].1.clone();
        bytes[..DATA].fill(0xee);
        let (journal, recovery) = reopened(dir.path(), &files, n, &bytes);
        assert_eq!((contents(&journal), recovery.damaged_headers), (expected(0..9), 1));
    }
}

#[test]
fn a_missing_segment_is_a_hole() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    wait(open(options(dir.path())).0.append(vec!["last".into()])).unwrap();
    fs::remove_file(&files[1].0).unwrap();
    let (journal, recovery) = open(options(dir.path()));
    assert_eq!((recovery.holes, recovery.missing, recovery.records), (1, 3, 7));
    let offsets: Vec<u64> = contents(&journal).into_iter().map(|(offset, _)| offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4, 5, 9]);
}

#[test]
fn damage_under_an_open_journal_is_a_hole_that_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let (journal, _) = open(options(dir.path()));
    let mut bytes = files[0].1.clone();
    bytes[ends(&payloads())[1]..ends(&payloads())[3] - 1].fill(0);
    fs::write(&files[0].0, bytes).unwrap();
    for _ in 0..3 {
        let left: Vec<u64> = contents(&journal).into_iter().map(|(offset, _)| offset).collect();
        assert_eq!(left, [0, 1, 4, 5, 6, 7, 8]);
        assert_eq!((journal.stats().holes, journal.stats().missing), (1, 2));
    }
}

#[test]
fn a_file_cut_under_an_open_journal_is_an_error_and_no_silence() {
    let dir = tempfile::tempdir().unwrap();
    let files = sample(dir.path());
    let (journal, _) = open(options(dir.path()));
    fs::write(&files[0].0, &files[0].1[..DATA + 10]).unwrap();
    let mut reader = journal.reader(0);
    assert!(matches!(reader.try_next(10_000), Err(footfall_journal::ReadError::Io(_))));
    fs::write(&files[0].0, &files[0].1).unwrap();
    assert_eq!(reader.try_next(10_000).unwrap().unwrap().entries.len(), 6);
}

#[test]
fn what_was_torn_before_anything_was_acknowledged_is_no_loss() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(options(dir.path())));
    let torn = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&torn).unwrap();
    bytes.resize(DATA + 500, 1);
    fs::write(&torn, bytes).unwrap();
    // The first opening steps over what was torn, the second finds the torn segment blank and removes it.
    for _ in 0..2 {
        drop(open(options(dir.path())));
    }
    let (journal, _) = open(options(dir.path()));
    assert!(!torn.exists());
    let appended = append(&journal, "first").unwrap();
    assert!(appended.first > 0, "offsets that may have been tried are not given again");
    assert_eq!(journal.start(), 0);
    assert_eq!(contents(&journal), [(appended.first, Bytes::from("first"))]);
}
