//! ClickHouse's Native format as a client of the native protocol's revision N expects it (`client_protocol_version=N`). Pure.
//!
//! The engine writes revision 0 and cannot be told otherwise. Later ones put a few bytes more into each block: what they call
//! its info before it, and after each column's type whether its data is laid out as usual, which it always is here. So the
//! blocks have to be read: each column's length follows from its type and its data (`layout.rs`).

mod cursor;
mod layout;

use crate::engine::{Exception, code};
use bytes::Bytes;
use cursor::Cursor;
use layout::Layout;

/// The first revision whose columns say how their data is laid out.
const WITH_LAYOUTS: u64 = 54_454;

/// Info of a block: no overflow rows, no bucket.
const BLOCK_INFO: [u8; 8] = [1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0];

/// The usual layout.
const USUAL: u8 = 0;

/// Whole blocks of revision 0, as revision `revision` has them.
pub fn at_revision(revision: u64, blocks: Bytes) -> Result<Bytes, Exception> {
    if revision == 0 || blocks.is_empty() {
        return Ok(blocks);
    }
    let mut written = Vec::with_capacity(blocks.len() + 256);
    let mut cursor = Cursor::new(&blocks);
    let mut copied = 0;
    while !cursor.is_at_end() {
        written.extend_from_slice(&BLOCK_INFO);
        let (columns, rows) = (cursor.varint().ok_or_else(torn)?, cursor.size().ok_or_else(torn)?);
        for _ in 0..columns {
            cursor.skip_string().ok_or_else(torn)?;
            let name = cursor.text().ok_or_else(torn)?;
            if revision >= WITH_LAYOUTS {
                written.extend_from_slice(&blocks[copied..cursor.at()]);
                written.push(USUAL);
                copied = cursor.at();
            }
            if rows > 0 {
                let mut layout = Layout::of(name).ok_or_else(|| unreadable(name))?;
                layout.skip_prefix(&mut cursor).ok_or_else(|| unreadable(name))?;
                layout.skip_data(&mut cursor, rows).ok_or_else(|| unreadable(name))?;
            }
        }
        written.extend_from_slice(&blocks[copied..cursor.at()]);
        copied = cursor.at();
    }
    Ok(written.into())
}

fn torn() -> Exception {
    Exception::new(code::INCORRECT_DATA, "INCORRECT_DATA", "A block of the result ends early")
}

fn unreadable(name: &str) -> Exception {
    let message = format!(
        "A column of type {name} is not written here with client_protocol_version: ask without it, in another format, or \
         for a value that has another type"
    );
    Exception::new(code::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", message)
}

#[cfg(test)]
mod a_block {
    use super::*;
    use proptest::prelude::*;

    /// One row: `a` is 7 and `b` is "xy".
    const PLAIN: &[u8] = b"\x02\x01\x01a\x05UInt8\x07\x01b\x06String\x02xy";

    fn blocks(revision: u64, bytes: &[u8]) -> Result<Vec<u8>, i32> {
        at_revision(revision, Bytes::copy_from_slice(bytes))
            .map(Vec::from)
            .map_err(|exception| exception.code)
    }

    #[test]
    fn is_as_the_revision_has_it() {
        assert_eq!(blocks(0, PLAIN).as_deref(), Ok(PLAIN));
        let info = b"\x01\0\x02\xff\xff\xff\xff\0".as_slice();
        assert_eq!(blocks(54_453, PLAIN), Ok([info, PLAIN].concat()));
        let laid_out = b"\x02\x01\x01a\x05UInt8\0\x07\x01b\x06String\0\x02xy".as_slice();
        assert_eq!(blocks(54_454, PLAIN), Ok([info, laid_out].concat()));
        let twice = [PLAIN, PLAIN].concat();
        assert_eq!(blocks(54_460, &twice), Ok([info, laid_out, info, laid_out].concat()));
        let empty = b"\x01\0\x01a\x05UInt8".as_slice();
        assert_eq!(blocks(54_460, empty), Ok([info, empty, b"\0"].concat()));
    }

    #[test]
    fn of_a_type_that_cannot_be_measured_is_refused() {
        assert_eq!(blocks(54_460, b"\x01\x01\x01a\x1eAggregateFunction(sum, UInt64)\0"), Err(48));
    }

    #[test]
    fn cut_anywhere_is_an_error() {
        for end in 1..PLAIN.len() {
            assert!(blocks(54_460, &PLAIN[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn may_be_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), revision in 0_u64..60_000) {
            let _ = blocks(revision, &bytes);
        }
    }
}
