//! Bombs, damage, and the most repetitive that people send.

use super::window::window_log;
use super::*;
use crate::memory_budget::MemoryBudget;
use proptest::prelude::*;
use std::io::Write;

const LIMIT: usize = 2 << 20;
const ALL: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Brotli];

fn deflate(encoding: Encoding, plain: &[u8]) -> Bytes {
    let packed = match encoding {
        Encoding::Identity => plain.to_vec(),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain).expect("memory");
            encoder.finish().expect("memory")
        }
        Encoding::Zstd => zstd::encode_all(plain, 3).expect("memory"),
        Encoding::Brotli => {
            let mut packed = Vec::new();
            brotli::CompressorWriter::new(&mut packed, 4096, 5, 20).write_all(plain).expect("memory");
            packed
        }
    };
    packed.into()
}

#[test]
fn a_brotli_body_is_the_same_in_the_window_that_it_needs() {
    // Repeats that are far apart, so that the window is used.
    let unit: Vec<u8> =
        (0..90_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for plain in [unit.repeat(3), unit[..60_000].to_vec(), b"abcdefgh".repeat(1000)] {
        for log in 10..=24 {
            let mut packed = Vec::new();
            brotli::CompressorWriter::new(&mut packed, 4096, 9, log).write_all(&plain).expect("memory");
            assert_eq!(window_log(packed[0]), Some(log));
            assert!(inflate(Encoding::Brotli, packed.into(), LIMIT).expect("whole") == plain, "{log}");
        }
    }
    for (most, log) in [(64 << 10, 18), (1 << 18, 19), (LIMIT, 22)] {
        assert_eq!(Brotli::new(&[0x0f], most).expect("the largest").window_log, log);
        assert_eq!(Brotli::new(&[0x00], most).expect("the default").window_log, 16);
    }
}

/// As the edge calls it, with a budget of its own that must be as it was afterwards.
fn inflate(encoding: Encoding, body: Bytes, limit: usize) -> Result<Bytes, InflateError> {
    let budget = MemoryBudget::new(64 << 20);
    let mut memory = budget.reservation();
    memory.grow(body.len()).expect("free");
    let plain = super::inflate(encoding, body, limit, &mut memory);
    if let Ok(plain) = &plain {
        assert!((plain.len()..=plain.len() * 2 + FIRST_BYTES).contains(&memory.bytes()), "{encoding:?}");
    }
    drop(memory);
    assert_eq!(budget.held(), 0);
    plain
}

#[test]
fn bombs_are_refused_before_they_have_grown() {
    let (large, within) = (vec![b'['; 64 << 20], b"[],".repeat(LIMIT / 3 - 10));
    for encoding in ALL {
        let packed = deflate(encoding, &large);
        assert!(packed.len() < 100_000, "{encoding:?} {}", packed.len());
        let refused = inflate(encoding, packed, LIMIT);
        assert!(
            matches!(refused, Err(InflateError::Expands | InflateError::TooLarge { .. })),
            "{encoding:?}"
        );
        let refused = inflate(encoding, deflate(encoding, &within), LIMIT);
        assert!(matches!(refused, Err(InflateError::Expands)), "{encoding:?} {refused:?}");
    }
    assert!(matches!(
        inflate(Encoding::Identity, vec![0; LIMIT + 1].into(), LIMIT),
        Err(InflateError::TooLarge { .. })
    ));
}

#[test]
fn small_bodies_may_expand_as_they_like_and_large_ones_within_reason() {
    for encoding in ALL {
        let floor = vec![b' '; FLOOR_BYTES];
        assert_eq!(inflate(encoding, deflate(encoding, &floor), LIMIT).expect("small").len(), FLOOR_BYTES);
        let more = vec![b' '; FLOOR_BYTES + 1];
        assert!(matches!(inflate(encoding, deflate(encoding, &more), LIMIT), Err(InflateError::Expands)));
    }
}

#[test]
fn a_decoder_takes_no_more_memory_than_there_is() {
    let body = deflate(Encoding::Zstd, &"abc".repeat(10_000).into_bytes());
    let budget = MemoryBudget::new(400_000);
    let mut memory = budget.reservation();
    assert!(matches!(
        super::inflate(Encoding::Zstd, body, LIMIT, &mut memory),
        Err(InflateError::Overloaded(_))
    ));
}

#[test]
fn a_body_has_few_parts() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let part = deflate(encoding, b"abc");
        let parts = |count: usize| inflate(encoding, part.repeat(count).into(), LIMIT);
        assert_eq!(parts(MOST_PARTS).expect("few").len(), MOST_PARTS * 3);
        assert!(matches!(parts(MOST_PARTS + 1), Err(InflateError::Damaged(_))));
    }
    for encoding in ALL {
        let followed = [&deflate(encoding, b"abc")[..], b"rubbish"].concat();
        assert!(matches!(inflate(encoding, followed.into(), LIMIT), Err(InflateError::Damaged(_))));
    }
}

#[test]
fn a_brotli_window_beyond_the_standards_is_refused() {
    // A large window of 2^30 bytes, as `brotli --large_window=30` begins.
    let refused = inflate(
        Encoding::Brotli,
        Bytes::from_static(&[0x11, 0x1e, 0x0b, 0x02, 0x80, 0x61, 0x62, 0x63, 0x03]),
        LIMIT,
    );
    assert!(matches!(refused, Err(InflateError::Damaged(_))), "{refused:?}");
}

/// The most repetitive that people send: one event again and again, without ids, with nothing but the time changing,
/// packed as tightly as it can be. Beyond the floor the bound lies above what that reaches.
#[test]
fn honest_batches_pass() {
    let event = |number: usize| {
        format!(
            r#"{{"event_type":"pageview","page_url":"https://www.example.org/shop/shoes?page=2","page_title":"Shoes","client_timestamp":{}}}"#,
            1_796_018_400_000_u64 + number as u64 * 1_000
        )
    };
    for count in [100, 500] {
        let events: Vec<_> = (0..count).map(event).collect();
        let plain = format!(r#"{{"tracking_id":"FF-1","events":[{}]}}"#, events.join(",")).into_bytes();
        for encoding in ALL {
            let packed = tightest(encoding, &plain);
            let times = plain.len() / packed.len();
            println!("{encoding:?}: {} bytes in {}: {times} times", plain.len(), packed.len());
            assert!(2 * times < MOST_EXPANSION, "{encoding:?} {times}");
            assert_eq!(inflate(encoding, packed, LIMIT).expect("honest").len(), plain.len());
        }
    }
}

fn tightest(encoding: Encoding, plain: &[u8]) -> Bytes {
    let packed = match encoding {
        Encoding::Identity => plain.to_vec(),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(plain).expect("memory");
            encoder.finish().expect("memory")
        }
        Encoding::Zstd => zstd::encode_all(plain, 22).expect("memory"),
        Encoding::Brotli => {
            let mut packed = Vec::new();
            brotli::CompressorWriter::new(&mut packed, 4096, 11, 22).write_all(plain).expect("memory");
            packed
        }
    };
    packed.into()
}

#[test]
fn headers_name_encodings() {
    assert_eq!(Encoding::parse(" GZIP "), Some(Encoding::Gzip));
    assert_eq!(Encoding::parse("deflate"), None);
    assert_eq!(Encoding::parse("gzip, br"), None);
}

proptest! {
    #[test]
    fn what_was_packed_comes_back(plain in prop::collection::vec(any::<u8>(), 0..5000)) {
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd, Encoding::Brotli] {
            prop_assert_eq!(&inflate(encoding, deflate(encoding, &plain), LIMIT).expect("whole")[..], &plain[..]);
        }
    }

    #[test]
    fn a_body_cut_short_is_damaged(plain in prop::collection::vec(any::<u8>(), 100..1000), cut in 1_usize..90) {
        for encoding in ALL {
            let packed = deflate(encoding, &plain);
            prop_assert!(inflate(encoding, packed.slice(..packed.len() - cut), LIMIT).is_err(), "{encoding:?}");
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        for encoding in ALL {
            let _ = inflate(encoding, bytes.clone().into(), LIMIT);
        }
    }
}
