//! Rows of one table as one block of ClickHouse's Native format, column after column, as the store itself keeps them: it takes half the
//! time that rows one after the other take it. Pure; knows no table of its own.
//! Format: <https://clickhouse.com/docs/interfaces/formats/Native>.

use bytes::Bytes;

use super::column::{ColumnBuffer, ColumnData, RowWriter, write_text, write_varint};
use super::table::{Table, TableRow};

/// Columns smaller than this are sent together.
const SMALL_BYTES: usize = 16 << 10;
/// Most bytes handed to a connection at once.
const CHUNK_BYTES: usize = 1 << 20;

/// A block to which rows are added.
#[derive(Debug)]
pub struct BlockBuilder {
    table: &'static Table,
    columns: Vec<ColumnBuffer>,
    rows: usize,
    bytes: usize,
}

/// Rows of one table that are stored together or not at all.
#[derive(Clone, Debug)]
pub struct Block {
    table: &'static Table,
    rows: usize,
    columns: Vec<ColumnData>,
}

impl BlockBuilder {
    /// An empty one, for rows of a table.
    pub fn new(table: &'static Table) -> Self {
        Self { table, columns: vec![ColumnBuffer::default(); table.columns().len()], rows: 0, bytes: 0 }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// When it is a row of another table.
    pub fn push<R: TableRow>(&mut self, row: &R) {
        assert!(std::ptr::eq(R::table(), self.table), "a row of {} only", self.table.name());
        let mut writer = RowWriter::new(&mut self.columns);
        row.write(&mut writer);
        self.bytes += writer.finish();
        self.rows += 1;
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What its values take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The block of its rows.
    pub fn finish(self) -> Block {
        let columns = self.columns.into_iter().map(ColumnBuffer::finish).collect();
        Block { table: self.table, rows: self.rows, columns }
    }
}

impl Block {
    /// The block of these rows.
    pub fn from_rows<'a, R: TableRow + 'a>(rows: impl IntoIterator<Item = &'a R>) -> Self {
        let mut builder = BlockBuilder::new(R::table());
        for row in rows {
            builder.push(row);
        }
        builder.finish()
    }

    /// The table whose rows they are.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// The rows of it that are to be kept, by their numbers.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = (0..self.rows).filter(|row| keep(*row)).count();
        if kept == self.rows {
            return self.clone();
        }
        if kept == 0 {
            return BlockBuilder::new(self.table).finish();
        }
        let columns = self.table.columns().iter().zip(&self.columns);
        let columns = columns.map(|(column, data)| data.filtered(column, &keep)).collect();
        Self { table: self.table, rows: kept, columns }
    }

    /// Its encoding, in chunks that are neither tiny nor huge.
    pub fn chunks(&self) -> Vec<Bytes> {
        let (mut chunks, mut small) = (Vec::new(), Vec::new());
        write_varint(&mut small, self.columns.len());
        write_varint(&mut small, self.rows);
        for (column, data) in self.table.columns().iter().zip(&self.columns) {
            write_text(&mut small, &column.name);
            write_text(&mut small, column.data_type);
            for mut part in [data.nulls.clone(), data.values.clone()] {
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

/// Two blocks are the same when they are of the same table and have the same encoding.
impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.table, other.table) && (self.rows, &self.columns) == (other.rows, &other.columns)
    }
}

impl Eq for Block {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ipv6, Millis, Uuid};
    use proptest::prelude::*;

    crate::table! {
        /// Of no database: a column of each kind.
        static VISITS = "visits_local";
        /// One of them.
        struct Visit<'a> {
            id: Uuid,
            page: &'a str,
            number: u64,
            sum: Option<f64>,
            note: Option<&'a str>,
            at: Millis,
            address: Ipv6,
            slot: [u8; 2],
        }
    }

    crate::table! {
        /// Another one.
        static OTHERS = "others";
        /// One of them.
        struct Other { number: u32, }
    }

    fn visit(page: &str, number: u64, sum: Option<f64>) -> Visit<'_> {
        Visit { page, number, sum, ..Visit::default() }
    }

    fn encoded(block: &Block) -> Vec<u8> {
        block.chunks().concat()
    }

    #[test]
    fn a_block_is_its_size_and_then_column_after_column_with_name_type_and_values() {
        let one = Visit {
            id: Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
            page: "/a",
            number: 258,
            sum: Some(1.0),
            note: None,
            at: Millis(-1),
            address: Ipv6([9; 16]),
            slot: [5, 6],
        };
        let two = Visit { note: Some("é"), ..Visit::default() };
        let mut expected = vec![9, 2];
        for (name, data_type, values) in [
            ("id", "UUID", [&[7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8][..], &[0; 16]].concat()),
            ("page", "String", b"\x02/a\0".to_vec()),
            ("number", "UInt64", [258_u64.to_le_bytes(), [0; 8]].concat()),
            ("sum", "Nullable(Float64)", [&[0, 1][..], &1_f64.to_le_bytes(), &[0; 8]].concat()),
            ("note", "Nullable(String)", b"\x01\0\0\x02\xc3\xa9".to_vec()),
            ("at", "DateTime64(3, 'UTC')", [[255; 8], [0; 8]].concat()),
            ("address", "IPv6", [[9; 16], [0; 16]].concat()),
            ("slot_1", "UInt8", vec![5, 0]),
            ("slot_2", "UInt8", vec![6, 0]),
        ] {
            for text in [name, data_type] {
                expected.push(u8::try_from(text.len()).expect("short"));
                expected.extend_from_slice(text.as_bytes());
            }
            expected.extend_from_slice(&values);
        }
        assert_eq!(encoded(&Block::from_rows(&[one, two])), expected);
        assert_eq!(
            encoded(&Block::from_rows(&[Other { number: 1 }])),
            b"\x01\x01\x06number\x06UInt32\x01\0\0\0"
        );
    }

    #[test]
    fn a_block_is_inserted_into_the_columns_of_its_table() {
        let block = Block::from_rows(&[Visit::default()]);
        assert_eq!(
            block.table().insert_into("visits_staging"),
            "INSERT INTO visits_staging (id, page, number, sum, note, at, address, slot_1, slot_2) FORMAT Native"
        );
        assert_eq!(block.table().subject(), "visits");
        assert_ne!(BlockBuilder::new(&OTHERS).finish(), BlockBuilder::new(&VISITS).finish());
    }

    #[test]
    #[should_panic(expected = "a row of visits_local only")]
    fn a_row_of_another_table_is_not_taken() {
        BlockBuilder::new(&VISITS).push(&Other { number: 1 });
    }

    #[test]
    fn rows_and_bytes_are_counted() {
        let mut builder = BlockBuilder::new(&VISITS);
        builder.push(&visit("x", 1, None));
        let values = 16 + 2 + 8 + 9 + 2 + 8 + 16 + 2;
        assert_eq!((builder.rows(), builder.bytes()), (1, values));
        builder.push(&visit(&"x".repeat(128), 1, None));
        assert_eq!((builder.rows(), builder.bytes()), (2, 2 * values + 128));
    }

    #[test]
    fn long_columns_are_sent_in_chunks_and_short_ones_together() {
        let text = "x".repeat(3 << 20);
        let block = Block::from_rows(&[visit(&text, 1, None)]);
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
            let all: Vec<_> = rows.iter().map(|(text, number, sum, _)| visit(text, *number, *sum)).collect();
            let kept: Vec<_> = all.iter().zip(&rows).filter(|(_, (.., keep))| *keep).map(|(row, _)| row.clone()).collect();
            let filtered = Block::from_rows(&all).filtered(|at| rows[at].3);
            prop_assert_eq!(encoded(&filtered), encoded(&Block::from_rows(&kept)));
            prop_assert_eq!(filtered, Block::from_rows(&kept));
        }
    }
}
