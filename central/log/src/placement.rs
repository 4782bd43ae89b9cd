//! Which partition a record belongs to: all records of a website meet in one, so that repeats are recognised and a shard of the event
//! store has the whole of a website. Pure.

use bytes::{Bytes, BytesMut};
use footfall_proto::relay::{LogEntry, ParkReason};
use footfall_proto::view::{RecordHead, View as _};
use naive_cityhash::cityhash64;
use prost::Message as _;

/// A record that came in, and why it is to be kept from every store, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The encoded record.
    pub record: Bytes,
    /// What whoever let it in has decided; nothing where nothing is wrong with it.
    pub parked: Option<ParkReason>,
}

impl From<Bytes> for NewRecord {
    fn from(record: Bytes) -> Self {
        Self { record, parked: None }
    }
}

/// A record on its way into the log.
pub(super) struct PlacedRecord {
    /// The partition it goes to.
    pub(super) partition: u32,
    /// Whose it is.
    pub(super) website_id: String,
    /// The record in the log's envelope.
    pub(super) payload: Bytes,
}

/// The partition, of `partitions`, that holds a website: ClickHouse's `cityHash64` of the id as it is stored. Nobody's records are in
/// the first.
pub fn partition_of(website_id: &str, partitions: u32) -> u32 {
    if website_id.is_empty() || partitions <= 1 {
        return 0;
    }
    u32::try_from(cityhash64(website_id.as_bytes()) % u64::from(partitions)).expect("a remainder is smaller")
}

/// Whose an encoded record is, and its partition. One that cannot be read is nobody's, and the reader parks it.
pub fn place(record: &[u8], partitions: u32) -> (String, u32) {
    let website_id = RecordHead::read(record).map(|head| head.website_id.to_owned()).unwrap_or_default();
    let partition = partition_of(&website_id, partitions);
    (website_id, partition)
}

/// Puts the log's envelope around consecutive records of one edge, all cut from one buffer, and finds each one's partition.
pub(super) fn envelop(
    edge_id: &str,
    epoch: Bytes,
    first_offset: u64,
    records: Vec<NewRecord>,
    partitions: u32,
) -> Vec<PlacedRecord> {
    let envelope_bytes = edge_id.len() + epoch.len() + 32;
    let mut buffer =
        BytesMut::with_capacity(records.iter().map(|new| new.record.len() + envelope_bytes).sum());
    let mut entry =
        LogEntry { edge_id: edge_id.to_owned(), epoch, edge_offset: first_offset, ..LogEntry::default() };
    let mut placed = Vec::with_capacity(records.len());
    for NewRecord { record, parked } in records {
        let (website_id, partition) = place(&record, partitions);
        entry.record = record;
        entry.parked = parked.unwrap_or_default().into();
        entry.encode(&mut buffer).expect("a growing buffer has room");
        placed.push(PlacedRecord { partition, website_id, payload: buffer.split().freeze() });
        entry.edge_offset = entry.edge_offset.wrapping_add(1);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use footfall_proto::relay::Record;
    use proptest::prelude::*;

    #[test]
    fn a_website_is_placed_by_clickhouses_hash_of_its_id() {
        // `SELECT cityHash64('…') % …`, as ClickHouse 26.7 answers it.
        let id = "0191d0a4-0000-7000-8000-000000000001";
        assert_eq!([partition_of(id, 8), partition_of("site", 8)], [7, 3]);
        let of_a_million = [id, "site", "footfall.example"].map(|id| partition_of(id, 1_000_000));
        assert_eq!(of_a_million, [945_775, 239_315, 920_876]);
        assert_eq!(partition_of(id, 1), 0);
        let used: std::collections::BTreeSet<_> =
            (0..1_000).map(|site| partition_of(&format!("site-{site}"), 8)).collect();
        assert_eq!(used.len(), 8, "all of them are used");
    }

    #[test]
    fn a_record_is_placed_by_its_website_and_one_without_is_in_the_first() {
        let record = fixture::record(&[1, 2, 3]);
        assert_eq!(place(&record, 8), ("site".to_owned(), 3));
        let nobody = Record { server_timestamp_ms: 7, ..Record::default() };
        assert_eq!(place(&nobody.encode_to_vec(), 8), (String::new(), 0));
    }

    #[test]
    fn each_record_is_in_an_envelope_of_its_own_with_what_was_decided_of_it() {
        let decided = [None, Some(ParkReason::TooOld), None, Some(ParkReason::Ahead)];
        let new = |(number, parked)| NewRecord { record: fixture::record(&[number]), parked };
        let records: Vec<_> = (0..).zip(decided).map(new).collect();
        let placed = envelop("edge-1", Bytes::from_static(&[4; 16]), 30, records.clone(), 8);
        for ((new, placed), edge_offset) in records.iter().zip(&placed).zip(30..) {
            assert_eq!((placed.partition, placed.website_id.as_str()), (3, "site"));
            let entry = LogEntry {
                edge_id: "edge-1".to_owned(),
                epoch: Bytes::from_static(&[4; 16]),
                edge_offset,
                record: new.record.clone(),
                parked: new.parked.unwrap_or_default().into(),
            };
            assert_eq!(LogEntry::decode(placed.payload.clone()).expect("an envelope"), entry);
        }
        assert_eq!(placed.len(), records.len());
    }

    proptest! {
        #[test]
        fn rubbish_has_a_place_too(bytes in prop::collection::vec(any::<u8>(), 0..200), partitions in 1_u32..64) {
            prop_assert!(place(&bytes, partitions).1 < partitions);
        }
    }
}
