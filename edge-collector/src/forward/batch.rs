//! Splits what the journal gives into batches (one epoch, no hole, within the limits) and packs them. Pure.

use std::io;

use bytes::{Bytes, BytesMut};
use footfall_journal::{Chunk, Entry, Epoch};
use footfall_proto::frame;
use footfall_proto::limits::{MAX_BATCH_BYTES, MAX_BATCH_RECORDS};
use footfall_proto::relay;
use zstd::bulk::Compressor;

/// zstd's fastest ordinary level: the link is cheaper than the edge's processor.
pub const ZSTD_LEVEL: i32 = 1;

/// Bytes of the length that precedes each record.
const PREFIX: usize = 4;

/// Consecutive records of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The opening that wrote them.
    pub epoch: Epoch,
    /// Offset of the first.
    pub first: u64,
    /// Their payloads.
    pub records: Vec<Bytes>,
    /// Where reading goes on once they are acknowledged: past any hole that follows.
    pub resume: u64,
}

impl Run {
    /// One past the offset of the last record.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }
}

/// Splits a chunk into runs, each of which fits a batch.
#[must_use]
pub fn split(chunk: Chunk) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut bytes = 0;
    for Entry { offset, epoch, payload } in chunk.entries {
        let length = PREFIX + payload.len();
        match runs.last_mut() {
            Some(run)
                if run.epoch == epoch
                    && run.next() == offset
                    && run.records.len() < MAX_BATCH_RECORDS
                    && bytes + length <= MAX_BATCH_BYTES =>
            {
                run.records.push(payload);
                bytes += length;
            }
            last => {
                if let Some(last) = last {
                    last.resume = offset;
                }
                runs.push(Run { epoch, first: offset, records: vec![payload], resume: offset + 1 });
                bytes = length;
            }
        }
    }
    if let Some(last) = runs.last_mut() {
        last.resume = chunk.next;
    }
    runs
}

/// Packs a run as it goes over the wire.
///
/// # Errors
/// When zstd fails, which takes a lack of memory.
pub fn pack(run: &Run, compressor: &mut Compressor<'_>) -> io::Result<relay::Batch> {
    let mut plain = BytesMut::with_capacity(run.records.iter().map(|record| PREFIX + record.len()).sum());
    for record in &run.records {
        frame::pack(record, &mut plain);
    }
    Ok(relay::Batch {
        epoch: Bytes::copy_from_slice(&run.epoch.0),
        first_offset: run.first,
        count: run.records.len() as u32,
        plain_length: plain.len() as u32,
        crc: frame::checksum(&plain),
        records: compressor.compress(&plain)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(offset: u64, epoch: u8, length: usize) -> Entry {
        Entry { offset, epoch: Epoch([epoch; 16]), payload: vec![offset as u8; length].into() }
    }

    #[test]
    fn a_hole_and_a_new_epoch_end_a_run() {
        let entries = vec![entry(3, 1, 1), entry(4, 1, 1), entry(7, 1, 1), entry(8, 2, 1)];
        let runs = split(Chunk { entries, next: 12 });
        let seen: Vec<_> = runs.iter().map(|run| (run.first, run.records.len(), run.resume)).collect();
        assert_eq!(seen, [(3, 2, 7), (7, 1, 8), (8, 1, 12)]);
        assert!(split(Chunk { entries: vec![], next: 5 }).is_empty());
    }

    proptest! {
        #[test]
        fn runs_hold_every_record_once_within_the_limits(
            steps in prop::collection::vec((0_u64..3, 0_u8..2, prop_oneof![0..2000_usize, Just(MAX_BATCH_BYTES - PREFIX)]), 1..40),
        ) {
            let mut offset = 0;
            let entries: Vec<_> = steps.into_iter().map(|(gap, epoch, length)| {
                offset += gap + 1;
                entry(offset, epoch, length)
            }).collect();
            let next = offset + 5;
            let runs = split(Chunk { entries: entries.clone(), next });
            prop_assert_eq!(runs.last().expect("some").resume, next);
            prop_assert!(runs.windows(2).all(|pair| pair[0].resume == pair[1].first));
            let mut again = Vec::new();
            for run in &runs {
                prop_assert!(run.records.iter().map(|r| r.len() + PREFIX).sum::<usize>() <= MAX_BATCH_BYTES);
                prop_assert!(run.records.len() <= MAX_BATCH_RECORDS);
                for (index, payload) in run.records.iter().enumerate() {
                    again.push(Entry { offset: run.first + index as u64, epoch: run.epoch, payload: payload.clone() });
                }
            }
            prop_assert!(again == entries);
        }

        #[test]
        fn a_packed_run_unpacks(lengths in prop::collection::vec(0_usize..500, 1..50)) {
            let entries = lengths.iter().enumerate().map(|(offset, length)| entry(offset as u64, 1, *length)).collect();
            let run = split(Chunk { entries, next: lengths.len() as u64 }).remove(0);
            let batch = pack(&run, &mut Compressor::new(ZSTD_LEVEL).expect("zstd")).expect("packed");
            let plain = zstd::bulk::decompress(&batch.records, batch.plain_length as usize).expect("zstd");
            prop_assert_eq!(frame::checksum(&plain), batch.crc);
            prop_assert_eq!(frame::unpack(plain.into(), batch.count).expect("whole"), run.records);
        }
    }
}
