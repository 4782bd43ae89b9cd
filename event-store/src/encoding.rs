//! The encodings of HTTP bodies, by their names in headers. Pure.

use crate::engine::{Exception, code};

/// How a body is encoded on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip, of any number of members.
    Gzip,
    /// zlib, which HTTP calls deflate.
    Deflate,
    /// Brotli.
    Brotli,
    /// Zstandard, of any number of frames.
    Zstd,
    /// LZ4 frames.
    Lz4,
}

/// What an answer may be encoded as, the most preferred first: ClickHouse's order.
const PREFERRED: [Encoding; 5] =
    [Encoding::Zstd, Encoding::Brotli, Encoding::Lz4, Encoding::Gzip, Encoding::Deflate];

impl Encoding {
    /// Its name in a header; nothing for none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            Self::Lz4 => Some("lz4"),
        }
    }

    /// Reads a `Content-Encoding`.
    pub fn parse(value: &str) -> Result<Self, Exception> {
        let name = value.trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => return Ok(Self::Identity),
            "x-gzip" => return Ok(Self::Gzip),
            _ => {}
        }
        PREFERRED.into_iter().find(|encoding| encoding.name() == Some(&name)).ok_or_else(|| {
            let message = format!("Unknown Content-Encoding '{}'", name.escape_default());
            Exception::new(code::UNKNOWN_COMPRESSION_METHOD, "UNKNOWN_COMPRESSION_METHOD", message)
        })
    }

    /// The encoding for an answer to a request with this `Accept-Encoding`: weights other than 0 do not matter, as in
    /// ClickHouse.
    pub fn accepted(value: &str) -> Self {
        let accepts = |wanted: Self| {
            value.split(',').any(|choice| {
                let mut parts = choice.split(';').map(str::trim);
                let named = parts.next().is_some_and(|name| {
                    wanted.name().is_some_and(|wanted| name.eq_ignore_ascii_case(wanted))
                });
                named && !parts.any(is_refusal)
            })
        };
        PREFERRED.into_iter().find(|encoding| accepts(*encoding)).unwrap_or_default()
    }
}

/// `q=0`, in any of its spellings.
fn is_refusal(weight: &str) -> bool {
    weight
        .split_once('=')
        .is_some_and(|(name, value)| name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0))
}

#[cfg(test)]
mod an_encoding {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_known_by_its_name() {
        for encoding in PREFERRED {
            assert_eq!(Encoding::parse(encoding.name().expect("named")), Ok(encoding));
        }
        assert_eq!(Encoding::parse(" GZip "), Ok(Encoding::Gzip));
        assert_eq!(Encoding::parse(""), Ok(Encoding::Identity));
        assert_eq!(Encoding::parse("gzip, br").map_err(|exception| exception.code), Err(89));
    }

    #[test]
    fn of_an_answer_is_the_one_that_clickhouse_would_choose() {
        for (accepted, chosen) in [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("*", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("deflate, gzip;q=0.5", Encoding::Gzip),
            ("BR;q=1.0, zstd; q=0", Encoding::Brotli),
            ("zstd;q=0.000,gzip;q=0", Encoding::Identity),
            ("lz4", Encoding::Lz4),
            ("brotli, xgzip", Encoding::Identity),
        ] {
            assert_eq!(Encoding::accepted(accepted), chosen, "{accepted}");
        }
    }

    proptest! {
        #[test]
        fn is_chosen_for_any_header(value in "[a-z0-9;=, .*\u{e9}]{0,60}") {
            let _ = (Encoding::accepted(&value), Encoding::parse(&value));
        }
    }
}
