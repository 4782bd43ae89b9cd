//! Which partition a record belongs to: all records of a website meet in one, so that repeats are recognised and a shard of the event
//! store has the whole of a website. Pure.

use naive_cityhash::cityhash64;
use prost::Message;

/// The only field of a record that decides about its place; the others are skipped, not decoded.
#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(string, tag = "1")]
    website_id: String,
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
    let website_id = Address::decode(record).map(|address| address.website_id).unwrap_or_default();
    let partition = partition_of(&website_id, partitions);
    (website_id, partition)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use footfall_proto::relay::Record;
    use proptest::prelude::*;

    #[test]
    fn a_website_is_placed_by_clickhouses_hash_of_its_id() {
        // `SELECT cityHash64('…') % 8` of ClickHouse.
        let id = "0191d0a4-0000-7000-8000-000000000001";
        assert_eq!(u64::from(partition_of(id, 8)), cityhash64(id.as_bytes()) % 8);
        assert_eq!(partition_of(id, 1), 0);
        let used: std::collections::BTreeSet<_> =
            (0..1_000).map(|site| partition_of(&format!("site-{site}"), 8)).collect();
        assert_eq!(used.len(), 8, "all of them are used");
    }

    #[test]
    fn a_record_is_placed_by_its_website_and_one_without_is_in_the_first() {
        let record = sample::record(&[1, 2, 3]);
        assert_eq!(place(&record, 8), ("site".to_owned(), partition_of("site", 8)));
        let nobody = Record { server_timestamp_ms: 7, ..Record::default() };
        assert_eq!(place(&nobody.encode_to_vec(), 8), (String::new(), 0));
    }

    proptest! {
        #[test]
        fn rubbish_has_a_place_too(bytes in prop::collection::vec(any::<u8>(), 0..200), partitions in 1_u32..64) {
            prop_assert!(place(&bytes, partitions).1 < partitions);
        }
    }
}
