//! What a row's fields can be, and how each is encoded as a value of its column. Pure; knows no table.
//! Encodings: <https://clickhouse.com/docs/interfaces/formats/Native> and, of each type, the binary format of its documentation.

use super::column::{Column, RowWriter};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Millis(pub i64);
/// The 16 bytes of a UUID, in the order in which it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uuid(pub [u8; 16]);
/// The 16 bytes of an IPv6 address, in network order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv6(pub [u8; 16]);

/// A value of one column, or of several numbered ones.
pub trait ColumnValue {
    /// The type of the column.
    const DATA_TYPE: &'static str;
    /// Bytes of each value; none where each has a length of its own.
    const WIDTH: Option<usize>;

    /// Appends it to its column.
    fn write(&self, row: &mut RowWriter<'_>);

    /// The column of a field of this name, or its columns.
    fn columns(name: &str, columns: &mut Vec<Column>) {
        columns.push(Column { name: name.to_owned(), data_type: Self::DATA_TYPE, width: Self::WIDTH });
    }
}

macro_rules! number {
    ($($number:ty: $data_type:literal, $nullable:literal;)*) => {$(
        impl ColumnValue for $number {
            const DATA_TYPE: &'static str = $data_type;
            const WIDTH: Option<usize> = Some(size_of::<$number>());

            fn write(&self, row: &mut RowWriter<'_>) {
                row.fixed(&self.to_le_bytes());
            }
        }

        impl ColumnValue for Option<$number> {
            const DATA_TYPE: &'static str = $nullable;
            const WIDTH: Option<usize> = <$number>::WIDTH;

            fn write(&self, row: &mut RowWriter<'_>) {
                row.nullable_fixed(self.is_none(), &self.unwrap_or_default().to_le_bytes());
            }
        }
    )*};
}

number! {
    u8: "UInt8", "Nullable(UInt8)";
    u16: "UInt16", "Nullable(UInt16)";
    u32: "UInt32", "Nullable(UInt32)";
    u64: "UInt64", "Nullable(UInt64)";
    i32: "Int32", "Nullable(Int32)";
    i64: "Int64", "Nullable(Int64)";
    f32: "Float32", "Nullable(Float32)";
    f64: "Float64", "Nullable(Float64)";
}

impl ColumnValue for &str {
    const DATA_TYPE: &'static str = "String";
    const WIDTH: Option<usize> = None;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(self);
    }
}

impl ColumnValue for Option<&str> {
    const DATA_TYPE: &'static str = "Nullable(String)";
    const WIDTH: Option<usize> = None;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.nullable_text(*self);
    }
}

impl ColumnValue for Millis {
    const DATA_TYPE: &'static str = "DateTime64(3, 'UTC')";
    const WIDTH: Option<usize> = i64::WIDTH;

    fn write(&self, row: &mut RowWriter<'_>) {
        self.0.write(row);
    }
}

impl ColumnValue for Uuid {
    const DATA_TYPE: &'static str = "UUID";
    const WIDTH: Option<usize> = Some(16);

    /// Two numbers of 64 bits, each in little endian, the higher one first.
    fn write(&self, row: &mut RowWriter<'_>) {
        let number = u128::from_be_bytes(self.0);
        row.fixed(&number.rotate_left(64).to_le_bytes());
    }
}

impl ColumnValue for Ipv6 {
    const DATA_TYPE: &'static str = "IPv6";
    const WIDTH: Option<usize> = Some(16);

    fn write(&self, row: &mut RowWriter<'_>) {
        row.fixed(&self.0);
    }
}

/// As many columns, numbered from 1: `custom_dimension` becomes `custom_dimension_1` and so on.
impl<T: ColumnValue, const N: usize> ColumnValue for [T; N] {
    const DATA_TYPE: &'static str = T::DATA_TYPE;
    const WIDTH: Option<usize> = T::WIDTH;

    fn write(&self, row: &mut RowWriter<'_>) {
        for value in self {
            value.write(row);
        }
    }

    fn columns(name: &str, columns: &mut Vec<Column>) {
        for number in 1..=N {
            T::columns(&format!("{name}_{number}"), columns);
        }
    }
}
