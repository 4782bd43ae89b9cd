//! Tests: single failures, one after the other, and what is answered and found afterwards.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::time::Instant;

use super::*;

fn journal() -> (tempfile::TempDir, Arc<FaultyDisk>, Journal) {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = open(dir.path(), &disk);
    (dir, disk, journal)
}

fn texts(journal: &Journal) -> Vec<String> {
    contents(journal).into_iter().map(|(_, text)| text).collect()
}

#[test]
fn a_failed_sync_is_not_retried_but_written_again_under_new_offsets_in_a_new_segment() {
    let (dir, disk, journal) = journal();
    assert_eq!(append(&journal, "before").unwrap().first, 0);
    disk.script().fail_syncs = 1;
    let again = append(&journal, "again").unwrap();
    assert_eq!(again.first, 2, "offset 1 was tried and is a hole");
    assert_eq!(append(&journal, "after").unwrap().first, 3);
    let stats = journal.stats();
    assert_eq!((stats.failed_syncs, stats.segments, stats.missing, stats.writable), (1, 2, 0, true));
    let expected: Vec<_> =
        [(0, "before"), (2, "again"), (3, "after")].map(|(n, text)| (n, text.to_owned())).into();
    assert_eq!(contents(&journal), expected);
    let mut inspected = Vec::new();
    crate::inspect(dir.path(), |entry| inspected.push(entry.offset)).unwrap();
    assert_eq!(inspected, [0, 2, 3], "nor does who looks without the lock see the copy that was given up");
    drop(journal);
    let (journal, recovery) = open(dir.path(), &disk);
    assert_eq!((recovery.abandoned, recovery.missing, recovery.records), (1, 0, 3));
    assert_eq!(contents(&journal), expected, "the copy that was given up does not come back");
}

#[test]
fn a_failed_write_is_written_again_as_a_failed_sync_is() {
    let (dir, disk, journal) = journal();
    append(&journal, "before").unwrap();
    disk.script().fail_writes = 1;
    assert_eq!(append(&journal, "again").unwrap().first, 2);
    drop(journal);
    let (journal, recovery) = open(dir.path(), &disk);
    assert_eq!((recovery.missing, texts(&journal)), (0, vec!["before".to_owned(), "again".to_owned()]));
}

#[test]
fn a_second_failure_is_answered_and_the_next_append_tries_again() {
    let (dir, disk, journal) = journal();
    append(&journal, "before").unwrap();
    // The record's sync, then the sync of the new segment's zeros.
    disk.script().fail_syncs = 2;
    let error = append(&journal, "refused").unwrap_err();
    assert!(matches!(error, AppendError::Storage { .. }) && error.is_transient(), "{error}");
    assert!(!journal.stats().writable);
    let after = append(&journal, "after").unwrap();
    assert!(after.first > 1 && journal.stats().writable);
    drop(journal);
    let (journal, _) = open(dir.path(), &disk);
    assert_eq!(texts(&journal), ["before", "after"], "what was refused is cut by what came after it");
}

#[test]
fn what_an_opening_shows_is_on_disk_even_where_an_earlier_sync_had_failed() {
    for seed in 0..20 {
        let (dir, disk, journal) = journal();
        disk.script().seed(seed);
        append(&journal, "before").unwrap();
        disk.script().fail_syncs = 2;
        append(&journal, "refused").unwrap_err();
        drop(journal);
        // The page cache still has the refused record, as a clean page.
        let (journal, _) = open(dir.path(), &disk);
        let shown = contents(&journal);
        drop(journal);
        disk.lose_power();
        let found = contents(&open(dir.path(), &disk).0);
        assert_eq!(found, shown, "seed {seed}");
    }
}

#[test]
fn many_failures_in_a_row_lose_nothing_that_was_acknowledged() {
    let (dir, disk, journal) = journal();
    let mut acknowledged = Vec::new();
    for round in 0..200_u32 {
        disk.script().fail_syncs = round % 4;
        disk.script().fail_folders = u32::from(round % 7 == 0);
        disk.script().fail_writes = u32::from(round % 5 == 0);
        let text = format!("record {round}");
        if let Ok(appended) = append(&journal, &text) {
            acknowledged.push((appended.first, text));
        }
    }
    assert!(acknowledged.len() > 60, "{}", acknowledged.len());
    *disk.script() = disk::Script::default();
    assert_eq!(contents(&journal), acknowledged);
    drop(journal);
    let (journal, recovery) = open(dir.path(), &disk);
    let found = contents(&journal);
    assert!(acknowledged.iter().all(|record| found.contains(record)));
    assert!(found.len() <= acknowledged.len() + 1, "at most the last refused one comes back");
    assert_eq!(recovery.missing, 0);
}

#[test]
fn a_full_disk_is_a_transient_error_and_appends_work_when_space_is_back() {
    let (dir, disk, journal) = journal();
    // Less than a segment takes: what an attempt gives back lets no other in.
    disk.script().space = Some(7_000);
    let mut acknowledged = Vec::new();
    let text = |n: usize| format!("{n} {}", "x".repeat(900));
    let error = loop {
        match append(&journal, &text(acknowledged.len())) {
            Ok(_) => acknowledged.push(text(acknowledged.len())),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 200, "the disk gets full");
    };
    let AppendError::Storage { source } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    assert!(error.is_transient() && append(&journal, "still full").is_err());
    assert_eq!(texts(&journal), acknowledged);
    disk.script().space = Some(1_000_000);
    append(&journal, "space").unwrap();
    acknowledged.push("space".into());
    assert_eq!(texts(&journal), acknowledged);
    drop(journal);
    assert_eq!(texts(&open(dir.path(), &disk).0), acknowledged);
}

#[test]
fn a_journal_that_failed_finds_out_by_itself_when_the_disk_works_again() {
    let (_dir, disk, journal) = journal();
    disk.script().fail_syncs = 1000;
    append(&journal, "refused").unwrap_err();
    assert!(!journal.stats().writable);
    disk.script().fail_syncs = 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !journal.stats().writable {
        assert!(Instant::now() < deadline, "nobody tried");
        std::thread::sleep(Duration::from_millis(10));
    }
    append(&journal, "taken").unwrap();
}

/// Writes what is logged into memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What closing the journal says on the thread that closes it.
fn logged_by_closing(journal: &Journal) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || journal.close());
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_writer_that_panics_leaves_no_append_waiting_and_closing_says_so() {
    let (dir, disk, journal) = journal();
    append(&journal, "before").unwrap();
    disk.script().panic_in = Some("journal-write");
    assert!(matches!(append(&journal, "lost"), Err(AppendError::Closed)));
    assert!(matches!(append(&journal, "late"), Err(AppendError::Closed)));
    assert_eq!(texts(&journal), ["before"]);
    let said = logged_by_closing(&journal);
    assert!(said.contains("panicked"), "{said}");
    drop(journal);
    assert_eq!(texts(&open(dir.path(), &disk).0), ["before"]);
}

#[test]
fn maintenance_that_panics_costs_no_append_and_closing_says_so() {
    let (dir, disk, journal) = journal();
    append(&journal, "before").unwrap();
    disk.script().panic_in = Some("journal-maintenance");
    // The watermark is to be saved at the closing, if not earlier.
    journal.release(1);
    append(&journal, "after").unwrap();
    let said = logged_by_closing(&journal);
    assert!(said.contains("panicked"), "{said}");
    drop(journal);
    assert_eq!(texts(&open(dir.path(), &disk).0), ["before", "after"]);
}

#[test]
fn a_journal_that_worked_has_nothing_to_say_when_it_closes() {
    let (_dir, _disk, journal) = journal();
    append(&journal, "before").unwrap();
    assert_eq!(logged_by_closing(&journal), "");
}

#[test]
fn a_journal_opens_on_a_full_disk_so_that_its_owner_can_read_and_release() {
    let (dir, disk, journal) = journal();
    append(&journal, "kept").unwrap();
    drop(journal);
    disk.script().space = Some(0);
    let (journal, _) = open(dir.path(), &disk);
    assert_eq!((texts(&journal), journal.stats().writable), (vec!["kept".to_owned()], false));
    assert!(append(&journal, "no space").unwrap_err().is_transient());
    wait(journal.append(vec![])).expect("a barrier needs no space");
    journal.release(1);
    disk.script().space = None;
    assert_eq!(append(&journal, "space").unwrap().first, 1);
    drop(journal);
    assert_eq!(texts(&open(dir.path(), &disk).0), ["kept", "space"]);
}

#[test]
fn short_and_interrupted_reads_and_writes_change_nothing() {
    let (dir, disk, journal) = journal();
    disk.script().short = true;
    let expected: Vec<_> = (0..60).map(|n| format!("{n} {}", "y".repeat(n * 13))).collect();
    for text in &expected {
        append(&journal, text).unwrap();
    }
    assert_eq!(texts(&journal), expected);
    drop(journal);
    let (journal, recovery) = open(dir.path(), &disk);
    assert_eq!((recovery.records, recovery.missing, recovery.torn_bytes), (60, 0, 0));
    assert_eq!(texts(&journal), expected);
}

#[test]
fn a_reader_sees_nothing_whose_sync_has_not_returned() {
    let (_dir, disk, journal) = journal();
    append(&journal, "durable").unwrap();
    let mut reader = journal.reader(0);
    let guard = disk.script();
    let pending = journal.append(vec![Bytes::from_static(b"on its way")]);
    assert_eq!(journal.end(), 1);
    drop(guard);
    wait(pending).unwrap();
    assert_eq!(reader.try_next(usize::MAX).unwrap().unwrap().next, 2);
    // Both attempts fail: the bytes are in the files, and still nobody may see them.
    disk.script().fail_syncs = 2;
    append(&journal, "never durable").unwrap_err();
    assert!(reader.try_next(usize::MAX).unwrap().is_none());
    assert_eq!(journal.end(), 2);
}

#[test]
fn files_belong_to_their_owner_alone() {
    let (dir, _disk, journal) = journal();
    append(&journal, "private").unwrap();
    journal.release(1);
    journal.close();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        if metadata.is_file() {
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            names.push(entry.file_name().into_string().unwrap());
        }
    }
    names.sort();
    assert_eq!(names.len(), 3, "a segment, the lock, the watermark: {names:?}");
}
