//! Undoing `Content-Encoding`, bounded after decompression: a bomb costs its limit and no more. Pure.

use std::io::{self, Read};

use bytes::Bytes;

/// Encodings that the edge undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Brotli.
    Brotli,
}

impl Encoding {
    /// What a `Content-Encoding` header names; `None` for one that is not undone here.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        Some(match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            "br" => Self::Brotli,
            _ => return None,
        })
    }
}

/// Largest window that a zstd frame may ask for, as a power of two: 8 MiB, what browsers allow themselves.
const ZSTD_WINDOW_LOG: u32 = 23;

/// The plain body, of `limit` bytes at most.
///
/// # Errors
/// [`InflateError`].
pub fn inflate(encoding: Encoding, body: Bytes, limit: usize) -> Result<Bytes, InflateError> {
    match encoding {
        Encoding::Identity if body.len() > limit => Err(InflateError::TooLarge { limit }),
        Encoding::Identity => Ok(body),
        Encoding::Gzip => bounded(flate2::read::MultiGzDecoder::new(&body[..]), limit),
        Encoding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(&body[..]).map_err(InflateError::Damaged)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(InflateError::Damaged)?;
            bounded(decoder, limit)
        }
        Encoding::Brotli => bounded(brotli::Decompressor::new(&body[..], 4096), limit),
    }
}

fn bounded(decoder: impl Read, limit: usize) -> Result<Bytes, InflateError> {
    let mut plain = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut plain).map_err(InflateError::Damaged)?;
    if plain.len() > limit { Err(InflateError::TooLarge { limit }) } else { Ok(plain.into()) }
}

/// Why a body has no plain form. Permanent: the same bytes fail again.
#[derive(Debug, thiserror::Error)]
pub enum InflateError {
    /// Not what the header says it is, or cut short.
    #[error("the compressed body is damaged: {0}")]
    Damaged(#[source] io::Error),
    /// More than a body may be.
    #[error("the body is larger than {limit} bytes when decompressed")]
    TooLarge {
        /// What a plain body may be, bytes.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn bombs_are_refused_at_the_limit() {
        let bomb = vec![b'['; 64 << 20];
        for encoding in ALL {
            let packed = deflate(encoding, &bomb);
            assert!(packed.len() < 100_000, "{encoding:?} {}", packed.len());
            assert!(
                matches!(inflate(encoding, packed, LIMIT), Err(InflateError::TooLarge { .. })),
                "{encoding:?}"
            );
        }
        assert!(matches!(
            inflate(Encoding::Identity, bomb.into(), LIMIT),
            Err(InflateError::TooLarge { .. })
        ));
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
}
