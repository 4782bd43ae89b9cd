//! Resends are skipped, repeated events are marked. A pure function of the log up to an offset, so that every sink and every replay
//! sees the same.

use self_cell::self_cell;

use super::entry::RawEntry;
use super::poison::Poison;
use super::record::{self, DecodedRecord};
use super::seen_offsets::{Order, SeenOffsets};
use super::window::Window;

/// What has been read so far, as far as it decides about what comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Deduplicator {
    /// The next offset to read.
    pub(super) position: u64,
    /// Records read that were not resends.
    pub(super) records: u64,
    pub(super) seen: SeenOffsets,
    pub(super) window: Window,
}

/// Entries of consecutive offsets, decoded.
#[derive(Debug)]
pub struct DecodedBatch {
    /// Where it begins.
    pub start: u64,
    /// Where to go on.
    pub next: u64,
    /// What could not be read.
    pub poison: Vec<Poison>,
    /// Records that were there before.
    pub resent: u64,
    /// Size of it in the log, bytes.
    pub bytes: usize,
    decoded: Decoded,
}

type Records<'a> = Vec<DecodedRecord<'a>>;

self_cell!(
    /// Entries as they are stored in the log, and the records in them.
    struct Decoded {
        owner: Vec<RawEntry>,
        #[covariant]
        dependent: Records,
    }

    impl {Debug}
);

impl DecodedBatch {
    /// Its entries as they are stored in the log, resends and unreadable ones too.
    pub fn raw(&self) -> &[RawEntry] {
        self.decoded.borrow_owner()
    }

    /// Its records that were not there before, in order.
    pub fn records(&self) -> &[DecodedRecord<'_>] {
        self.decoded.borrow_dependent()
    }
}

impl Deduplicator {
    /// Nothing read yet. `key` is the log's incarnation.
    pub fn new(position: u64, key: [u8; 16], order: Order) -> Self {
        Self { position, records: 0, seen: SeenOffsets::new(order), window: Window::new(key) }
    }

    /// The next offset to read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads entries that follow what was read before; `next` is where the log goes on.
    pub fn read(&mut self, raw: Vec<RawEntry>, next: u64) -> DecodedBatch {
        let bytes = raw.iter().map(|entry| entry.payload.len()).sum();
        let (mut poison, mut resent) = (Vec::new(), 0);
        let decoded = Decoded::new(raw, |raw| {
            let mut records = Vec::with_capacity(raw.len());
            records.extend(raw.iter().filter_map(|entry| self.read_entry(entry, &mut poison, &mut resent)));
            records
        });
        let start = std::mem::replace(&mut self.position, next);
        DecodedBatch { start, next, poison, resent, bytes, decoded }
    }

    /// Goes on at `position` as if `records` more had been read: what lies between is known to decide about nothing that follows.
    pub fn skip(&mut self, position: u64, records: u64) {
        self.position = position;
        self.records += records;
    }

    fn read_entry<'a>(
        &mut self,
        entry: &'a RawEntry,
        poison: &mut Vec<Poison>,
        resent: &mut u64,
    ) -> Option<DecodedRecord<'a>> {
        let (epoch, envelope) = match record::decode_envelope(entry) {
            Ok(decoded) => decoded,
            Err(unreadable) => {
                poison.push(unreadable);
                return None;
            }
        };
        if !self.seen.admit(epoch, envelope.edge_offset, self.records) {
            *resent += 1;
            return None;
        }
        let number = self.records;
        self.records += 1;
        let mut decoded = record::decode_record(entry, epoch, &envelope, poison)?;
        for event in &mut decoded.events {
            let fingerprint = event.admitted.fingerprint.0;
            event.duplicate =
                self.window.is_repeat(decoded.website_id, event.identity(), fingerprint, number);
        }
        Some(decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::checkpoint;
    use crate::poison::PoisonReason;
    use crate::record::DropTally;
    use crate::window::WINDOW_RECORDS;
    use bytes::Bytes;
    use footfall_proto::relay::{DropReason, LogEntry, ParkReason};
    use proptest::prelude::*;
    use prost::Message as _;

    fn read_all(deduplicator: &mut Deduplicator, entries: &[RawEntry]) -> Vec<(u64, Vec<bool>)> {
        let next = entries.last().map_or(deduplicator.position(), |entry| entry.offset + 1);
        let batch = deduplicator.read(entries.to_vec(), next);
        assert_eq!(batch.next, next);
        let marks = |record: &DecodedRecord<'_>| record.events.iter().map(|event| event.duplicate).collect();
        batch.records().iter().map(|record| (record.offset, marks(record))).collect()
    }

    #[test]
    fn a_resent_record_is_skipped_and_a_repeated_event_is_marked() {
        let entries = fixture::log(&[(1, 0, &[10, 11]), (1, 1, &[12]), (1, 0, &[10, 11]), (2, 0, &[11, 13])]);
        let mut deduplicator = Deduplicator::new(0, [3; 16], Order::OutOfOrder);
        assert_eq!(
            read_all(&mut deduplicator, &entries),
            [(0, vec![false, false]), (1, vec![false]), (3, vec![true, false])]
        );
    }

    #[test]
    fn a_record_that_arrives_after_a_later_one_is_not_taken_for_a_resend() {
        let entries = fixture::log(&[(1, 0, &[1]), (1, 5, &[6]), (1, 1, &[2]), (1, 5, &[6]), (1, 1, &[2])]);
        let read = read_all(&mut Deduplicator::new(0, [3; 16], Order::OutOfOrder), &entries);
        assert_eq!(read.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn tallies_of_dropped_events_are_told_once_also_by_a_record_without_events() {
        let tallies = fixture::tallies(&[(DropReason::Bot, 3), (DropReason::Gpc, 1)]);
        let entries = fixture::entries(
            [
                fixture::entry(1, 0, fixture::record(&[1])),
                fixture::entry(1, 1, tallies.clone()),
                fixture::entry(1, 1, tallies),
            ]
            .into_iter(),
        );
        let batch = Deduplicator::new(0, [3; 16], Order::OutOfOrder).read(entries, 3);
        assert_eq!((batch.resent, batch.poison.len()), (1, 0));
        let told: Vec<_> = batch
            .records()
            .iter()
            .map(|record| (record.website_id, record.events.len(), record.tallies.clone()))
            .collect();
        let dropped = vec![
            DropTally { reason: DropReason::Bot, count: 3 },
            DropTally { reason: DropReason::Gpc, count: 1 },
        ];
        assert_eq!(told, [("site", 1, vec![]), ("site", 0, dropped)]);
    }

    #[test]
    fn the_window_is_counted_in_records_those_that_were_skipped_included() {
        for (skipped, is_repeat) in [(WINDOW_RECORDS - 3, true), (WINDOW_RECORDS - 2, false)] {
            let mut deduplicator = Deduplicator::new(0, [3; 16], Order::OutOfOrder);
            read_all(&mut deduplicator, &fixture::log(&[(1, 0, &[10]), (1, 1, &[11])]));
            deduplicator.skip(50, skipped);
            assert_eq!(deduplicator.position(), 50);
            let mut entries = fixture::log(&[(1, 2, &[10])]);
            entries[0].offset = 50;
            assert_eq!(read_all(&mut deduplicator, &entries), [(50, vec![is_repeat])], "{skipped} between");
        }
    }

    #[test]
    fn what_cannot_be_read_is_set_aside_with_its_reason_and_blocks_nothing() {
        let mut entries = fixture::log(&[(1, 0, &[1]), (1, 1, &[2]), (1, 2, &[3]), (1, 3, &[4])]);
        entries[0].payload = Bytes::from_static(b"\xff\xff rubbish");
        entries[1].payload = fixture::entry(1, 1, Bytes::from_static(b"\xff\xff rubbish"));
        entries[2].payload = fixture::entry(1, 2, fixture::record_with_an_unreadable_event(&[7, 8]));
        let batch = Deduplicator::new(0, [3; 16], Order::OutOfOrder).read(entries, 4);
        let reasons: Vec<_> = batch.poison.iter().map(|p| (p.offset, p.index, p.reason)).collect();
        assert_eq!(
            reasons,
            [
                (0, None, PoisonReason::Entry),
                (1, None, PoisonReason::Record),
                (2, Some(2), PoisonReason::Event)
            ]
        );
        let kept: Vec<_> = batch.records().iter().map(|r| (r.offset, r.events.len())).collect();
        assert_eq!(kept, [(2, 2), (3, 1)]);
    }

    #[test]
    fn what_was_parked_when_it_came_in_reaches_no_store_and_an_entry_of_an_earlier_build_does() {
        let record = || fixture::record(&[1]);
        let reasons = [
            (ParkReason::UnknownSite, PoisonReason::UnknownSite),
            (ParkReason::TooOld, PoisonReason::TooOld),
            (ParkReason::Ahead, PoisonReason::Ahead),
            (ParkReason::Unreadable, PoisonReason::Record),
            (ParkReason::EarlierBuild, PoisonReason::EarlierBuild),
        ];
        let parked = reasons
            .iter()
            .zip(0..)
            .map(|((reason, _), offset)| fixture::parked_entry(1, offset, record(), *reason));
        // A number that only a later build knows, and an entry as builds wrote it before there was the field.
        let later =
            LogEntry { parked: 99, ..LogEntry::decode(fixture::entry(1, 90, record())).expect("ours") };
        let before = fixture::entry(1, 91, record());
        let field = |entry: &Bytes| entry.windows(2).any(|pair| pair == [5 << 3, 1]);
        assert!(!field(&before) && field(&fixture::parked_entry(1, 0, record(), ParkReason::UnknownSite)));
        let entries = fixture::entries(parked.chain([later.encode_to_vec().into(), before]));
        let batch = Deduplicator::new(0, [3; 16], Order::OutOfOrder).read(entries, 7);
        let told: Vec<_> =
            batch.poison.iter().map(|poison| (poison.offset, poison.index, poison.reason)).collect();
        let mut expected: Vec<_> =
            (0..).zip(reasons).map(|(offset, (_, reason))| (offset, None, reason)).collect();
        expected.push((5, None, PoisonReason::Unlisted));
        assert_eq!(told, expected);
        assert!(batch.poison.iter().all(|poison| poison.payload == record()), "the record is kept whole");
        let read: Vec<_> =
            batch.records().iter().map(|read| (read.offset, read.events[0].duplicate)).collect();
        assert_eq!(read, [(6, false)], "and an event that no store has makes no other a repeat");
    }

    #[test]
    fn an_entry_that_is_judged_again_is_read_as_if_it_came_in_now() {
        let parked = fixture::parked_entry(1, 0, fixture::record(&[1]), ParkReason::UnknownSite);
        let taken = fixture::entry(1, 1, fixture::record(&[2]));
        let entries = || fixture::entries([parked.clone(), taken.clone()].into_iter());
        let read = |judge: fn(&[u8]) -> Option<ParkReason>| {
            let entries = entries().into_iter().map(|entry| entry.judged_again(judge)).collect();
            let batch = Deduplicator::new(0, [3; 16], Order::OutOfOrder).read(entries, 2);
            let offsets: Vec<_> = batch.records().iter().map(|record| record.offset).collect();
            (offsets, batch.poison.first().map(|poison| poison.reason))
        };
        assert_eq!(read(|_| None), (vec![0, 1], None));
        assert_eq!(read(|_| Some(ParkReason::Ahead)), (vec![1], Some(PoisonReason::Ahead)));
        let times: Vec<_> = entries().iter().map(RawEntry::server_timestamp_ms).collect();
        assert_eq!(times, [Some(fixture::NOON_MS); 2], "its receipt time was believed");
        let ahead = RawEntry { offset: 0, payload: parked }.judged_again(|_| Some(ParkReason::Ahead));
        assert_eq!(ahead.server_timestamp_ms(), None, "and now it is not");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_checkpoint_and_a_replay_equal_the_straight_run(
            history in prop::collection::vec((0_u8..3, 0_u64..20, prop::collection::vec(0_u8..30, 0..4)), 1..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let history: Vec<(u8, u64, &[u8])> = history.iter().map(|(e, o, ids)| (*e, *o, ids.as_slice())).collect();
            let entries = fixture::log(&history);
            let cut = cut.index(entries.len());
            let mut straight = Deduplicator::new(0, [3; 16], Order::OutOfOrder);
            let whole = read_all(&mut straight, &entries);

            let mut deduplicator = Deduplicator::new(0, [3; 16], Order::OutOfOrder);
            let mut resumed = read_all(&mut deduplicator, &entries[..cut]);
            let saved = checkpoint::encode(&deduplicator, [3; 16]);
            let mut restored = checkpoint::decode(&saved, [3; 16], Order::OutOfOrder).expect("just encoded");
            prop_assert_eq!(&restored, &deduplicator);
            resumed.extend(read_all(&mut restored, &entries[cut..]));

            prop_assert_eq!(resumed, whole);
            prop_assert_eq!(checkpoint::encode(&restored, [3; 16]).len(), checkpoint::encode(&straight, [3; 16]).len());
            prop_assert_eq!(restored, straight);
        }

        #[test]
        fn rubbish_in_the_log_never_panics(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
            let entries = fixture::entries(payloads.into_iter().map(Bytes::from));
            let batch = Deduplicator::new(0, [3; 16], Order::OutOfOrder).read(entries.clone(), entries.len() as u64);
            prop_assert!(batch.records().len() + batch.poison.len() + batch.resent as usize >= entries.len());
        }
    }
}
