//! Rows of `events_local` as one block of ClickHouse's Native format, column after column, as the store itself keeps them: it takes
//! half the time that rows one after the other take it. Pure; knows the table's columns, not what fills them.
//! Format: <https://clickhouse.com/docs/interfaces/formats/Native>.

use std::sync::LazyLock;

use bytes::Bytes;

use super::row::{Column, EventRow};

/// The columns of a row.
static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(EventRow::columns);
/// Columns smaller than this are sent together.
const SMALL_BYTES: usize = 16 << 10;
/// Most bytes handed to a connection at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Rows that still come.
#[derive(Clone, Debug)]
pub struct BlockBuilder {
    columns: Vec<Values>,
    bytes: usize,
}

/// The values of a column, and for each whether there is none where there need not be one.
#[derive(Clone, Debug, Default)]
struct Values {
    absent: Vec<u8>,
    present: Vec<u8>,
}

/// Takes a row's cells, in the order of the columns.
pub(super) struct RowWriter<'a> {
    block: &'a mut BlockBuilder,
    column: usize,
}

/// Rows that are stored together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    rows: usize,
    columns: Vec<ColumnData>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ColumnData {
    absent: Bytes,
    present: Bytes,
}

impl BlockBuilder {
    /// Appends a row.
    pub fn push(&mut self, row: &EventRow<'_>) {
        let mut writer = RowWriter { block: self, column: 0 };
        row.write(&mut writer);
    }

    /// What its values take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The block of so many rows as came.
    pub fn finish(self, rows: usize) -> Block {
        let seal =
            |values: Values| ColumnData { absent: values.absent.into(), present: values.present.into() };
        Block { rows, columns: self.columns.into_iter().map(seal).collect() }
    }
}

impl Default for BlockBuilder {
    fn default() -> Self {
        Self { columns: vec![Values::default(); COLUMNS.len()], bytes: 0 }
    }
}

impl RowWriter<'_> {
    /// The next cell of the row need not have a value, and perhaps has none. Where it has none, a default follows in its place.
    pub(super) fn optional(&mut self, absent: bool) {
        self.block.columns[self.column].absent.push(absent.into());
        self.block.bytes += 1;
    }

    /// The next cell, of the same width in every row.
    pub(super) fn fixed(&mut self, value: &[u8]) {
        self.block.columns[self.column].present.extend_from_slice(value);
        self.block.bytes += value.len();
        self.column += 1;
    }

    /// The next cell, behind its length.
    pub(super) fn text(&mut self, text: &str) {
        let values = &mut self.block.columns[self.column].present;
        let before = values.len();
        write_varint(values, text.len());
        values.extend_from_slice(text.as_bytes());
        self.block.bytes += values.len() - before;
        self.column += 1;
    }
}

impl Block {
    /// The block of these rows.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = &'a EventRow<'a>>) -> Self {
        let (mut builder, mut count) = (BlockBuilder::default(), 0);
        for row in rows {
            builder.push(row);
            count += 1;
        }
        builder.finish(count)
    }

    /// The statement that inserts blocks into a table with the columns of a row.
    pub(super) fn statement(table: &str) -> String {
        let names: Vec<_> = COLUMNS.iter().map(|column| column.name.as_str()).collect();
        format!("INSERT INTO {table} ({}) FORMAT Native", names.join(", "))
    }

    /// The rows of it that are to be kept, by their numbers.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = (0..self.rows).filter(|row| keep(*row)).count();
        if kept == self.rows {
            return self.clone();
        }
        if kept == 0 {
            return BlockBuilder::default().finish(0);
        }
        let columns = COLUMNS.iter().zip(&self.columns).map(|(column, values)| ColumnData {
            absent: filtered(&values.absent, Some(1), &keep),
            present: filtered(&values.present, column.width, &keep),
        });
        Self { rows: kept, columns: columns.collect() }
    }

    /// Its encoding, in chunks that are neither tiny nor huge.
    pub fn chunks(&self) -> Vec<Bytes> {
        let (mut chunks, mut small) = (Vec::new(), Vec::new());
        write_varint(&mut small, COLUMNS.len());
        write_varint(&mut small, self.rows);
        for (column, values) in COLUMNS.iter().zip(&self.columns) {
            for text in [column.name.as_str(), column.kind] {
                write_varint(&mut small, text.len());
                small.extend_from_slice(text.as_bytes());
            }
            for mut part in [values.absent.clone(), values.present.clone()] {
                if part.len() < SMALL_BYTES {
                    small.extend_from_slice(&part);
                    continue;
                }
                chunks.push(std::mem::take(&mut small).into());
                while !part.is_empty() {
                    chunks.push(part.split_to(part.len().min(CHUNK_BYTES)));
                }
            }
        }
        chunks.push(small.into());
        chunks
    }
}

/// The values of some rows, each of `width` bytes, or else behind its length.
fn filtered(values: &Bytes, width: Option<usize>, keep: &impl Fn(usize) -> bool) -> Bytes {
    let (mut kept, mut rest) = (Vec::new(), values.as_ref());
    for row in 0.. {
        if rest.is_empty() {
            break;
        }
        let (value, behind) = rest.split_at(width.unwrap_or_else(|| text_width(rest)));
        if keep(row) {
            kept.extend_from_slice(value);
        }
        rest = behind;
    }
    kept.into()
}

/// What the text that begins here takes, its length included.
fn text_width(values: &[u8]) -> usize {
    let mut length = 0;
    for (at, byte) in values.iter().enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return at + 1 + length;
        }
    }
    values.len()
}

/// A number in as few bytes as it takes: seven bits each, the lowest first.
fn write_varint(out: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A row with a text, a number and perhaps a sum.
    fn row(text: &str, number: u64, sum: Option<f64>) -> EventRow<'_> {
        EventRow { page_title: text, log_offset: number, transaction_revenue: sum, ..EventRow::default() }
    }

    fn encoded(block: &Block) -> Vec<u8> {
        block.chunks().concat()
    }

    #[test]
    fn a_block_begins_with_its_size_and_its_first_column() {
        let bytes = encoded(&Block::from_rows(&[row("a", 1, None), row("b", 2, None)]));
        let mut expected = vec![98, 2, 8];
        expected.extend_from_slice(b"event_id\x04UUID");
        expected.extend_from_slice(&[0; 32]);
        expected.extend_from_slice(b"\x0awebsite_id\x06String\0\0");
        assert_eq!(bytes[..expected.len()], expected);
    }

    #[test]
    fn long_columns_are_sent_in_pieces_and_short_ones_together() {
        let text = "x".repeat(3 << 20);
        let block = Block::from_rows(&[row(&text, 1, None)]);
        let sizes: Vec<_> = block.chunks().iter().map(Bytes::len).collect();
        assert_eq!(sizes.iter().filter(|size| **size == CHUNK_BYTES).count(), 3, "{sizes:?}");
        assert!(sizes.len() <= 6 && sizes.iter().all(|size| *size <= CHUNK_BYTES), "{sizes:?}");
        assert!(encoded(&block).windows(text.len()).any(|window| window == text.as_bytes()));
    }

    proptest! {
        #[test]
        fn the_rows_that_are_kept_are_the_block_of_these_rows(
            rows in prop::collection::vec(("\\PC{0,200}", any::<u64>(), prop::option::of(-1e9..1e9), any::<bool>()), 0..20),
        ) {
            let all: Vec<_> = rows.iter().map(|(text, number, sum, _)| row(text, *number, *sum)).collect();
            let kept: Vec<_> = all.iter().zip(&rows).filter(|(_, (.., keep))| *keep).map(|(row, _)| row.clone()).collect();
            let filtered = Block::from_rows(&all).filtered(|at| rows[at].3);
            prop_assert_eq!(encoded(&filtered), encoded(&Block::from_rows(&kept)));
            prop_assert_eq!(filtered, Block::from_rows(&kept));
        }
    }
}
