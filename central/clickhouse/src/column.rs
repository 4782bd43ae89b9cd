//! The columns of a table, and what a row's cells are written into. Pure; knows no table.

use bytes::Bytes;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// Its type; the table may say `LowCardinality` around it, and converts.
    pub data_type: &'static str,
    /// Bytes of each value; none where each has a length of its own.
    pub width: Option<usize>,
}

/// The values of one column, in the order of the rows, as ClickHouse's Native format has them.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnBuffer {
    /// Of a Nullable column, a byte for each row: 1 where it is NULL.
    nulls: Vec<u8>,
    values: Vec<u8>,
}

/// The same once no more rows come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnData {
    pub(super) nulls: Bytes,
    pub(super) values: Bytes,
}

/// Takes the cells of one row, in the order of the columns.
pub struct RowWriter<'a> {
    columns: std::slice::IterMut<'a, ColumnBuffer>,
    bytes: usize,
}

impl ColumnBuffer {
    pub(super) fn finish(self) -> ColumnData {
        ColumnData { nulls: self.nulls.into(), values: self.values.into() }
    }
}

impl ColumnData {
    /// The values of the rows that are to be kept, by their numbers.
    pub(super) fn filtered(&self, column: &Column, keep: &impl Fn(usize) -> bool) -> Self {
        Self {
            nulls: filtered(&self.nulls, Some(1), keep),
            values: filtered(&self.values, column.width, keep),
        }
    }
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(columns: &'a mut [ColumnBuffer]) -> Self {
        Self { columns: columns.iter_mut(), bytes: 0 }
    }

    /// The next cell, of the same width in every row.
    pub(super) fn fixed(&mut self, value: &[u8]) {
        self.next().values.extend_from_slice(value);
        self.bytes += value.len();
    }

    /// The next cell of a Nullable column, of the same width in every row; where it is NULL, any value stands in its place.
    pub(super) fn nullable_fixed(&mut self, is_null: bool, value: &[u8]) {
        let column = self.next();
        column.nulls.push(is_null.into());
        column.values.extend_from_slice(value);
        self.bytes += 1 + value.len();
    }

    /// The next cell, behind its length.
    pub(super) fn text(&mut self, text: &str) {
        let column = self.next();
        let before = column.values.len();
        write_text(&mut column.values, text);
        self.bytes += column.values.len() - before;
    }

    /// The next cell of a Nullable column, behind its length.
    pub(super) fn nullable_text(&mut self, text: Option<&str>) {
        let column = self.next();
        let before = column.values.len();
        column.nulls.push(text.is_none().into());
        write_text(&mut column.values, text.unwrap_or_default());
        self.bytes += 1 + column.values.len() - before;
    }

    /// Ends the row: how many bytes it took.
    pub(super) fn finish(self) -> usize {
        assert_eq!(self.columns.len(), 0, "a row has a cell for each column of its table");
        self.bytes
    }

    fn next(&mut self) -> &'a mut ColumnBuffer {
        self.columns.next().expect("a row has a cell for each column of its table")
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

/// A text behind its length.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    write_varint(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// A number in as few bytes as it takes: seven bits each, the lowest first.
pub(super) fn write_varint(out: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
