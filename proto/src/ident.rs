//! Event ids as RFC 9562 UUIDv7 bytes, made from a time and randomness that the caller brings.

/// Length of event ids, page-load ids and epochs, bytes.
pub const ID_BYTES: usize = 16;

/// A UUIDv7: 48 bits of `unix_ms`, version, and 74 of the bits of `random`.
#[must_use]
pub const fn uuid_v7(unix_ms: u64, random: [u8; 10]) -> [u8; ID_BYTES] {
    let time = unix_ms.to_be_bytes();
    [
        time[2],
        time[3],
        time[4],
        time[5],
        time[6],
        time[7],
        0x70 | (random[0] & 0x0f),
        random[1],
        0x80 | (random[2] & 0x3f),
        random[3],
        random[4],
        random[5],
        random[6],
        random[7],
        random[8],
        random[9],
    ]
}

/// Whether `id` can be an event's id: 16 bytes, not all of them zero.
#[must_use]
pub fn is_event_id(id: &[u8]) -> bool {
    id.len() == ID_BYTES && id.iter().any(|byte| *byte != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn carries_time_version_and_variant(ms in 0_u64..(1 << 48), random in any::<[u8; 10]>()) {
            let id = uuid_v7(ms, random);
            prop_assert_eq!(id[6] >> 4, 7);
            prop_assert_eq!(id[8] >> 6, 0b10);
            let mut time = [0; 8];
            time[2..].copy_from_slice(&id[..6]);
            prop_assert_eq!(u64::from_be_bytes(time), ms);
            prop_assert!(is_event_id(&id));
        }

        #[test]
        fn sorts_by_time(a in 0_u64..(1 << 48), b in 0_u64..(1 << 48), random in any::<[u8; 10]>()) {
            prop_assume!(a != b);
            prop_assert_eq!(uuid_v7(a, random) < uuid_v7(b, random), a < b);
        }
    }

    #[test]
    fn refuses_what_is_no_id() {
        assert!(!is_event_id(&[0; 16]));
        assert!(!is_event_id(&[1; 15]));
        assert!(!is_event_id(b""));
    }
}
