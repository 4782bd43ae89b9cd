//! A table as this crate knows it: its name, its columns in order, and rows that have a cell for each. Pure; knows no table of its own.

use std::sync::LazyLock;

use super::column::{Column, RowWriter};

/// A table that rows are inserted into.
#[derive(Debug)]
pub struct Table {
    name: &'static str,
    columns: LazyLock<Vec<Column>>,
}

impl Table {
    /// A table of this name; [`table!`](crate::table) makes one together with the type of its rows.
    pub const fn new(name: &'static str, columns: fn() -> Vec<Column>) -> Self {
        Self { name, columns: LazyLock::new(columns) }
    }

    /// What it is called in the database; on a cluster, each shard's own part of it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its columns, in the order of a row's cells.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What its rows are, without the `_local` of a shard's own part.
    pub(super) fn subject(&self) -> &'static str {
        self.name.trim_end_matches("_local")
    }

    /// The statement that inserts blocks of its rows into it, or into a table of the same columns.
    pub(super) fn insert_into(&self, name: &str) -> String {
        let columns: Vec<_> = self.columns().iter().map(|column| column.name.as_str()).collect();
        format!("INSERT INTO {name} ({}) FORMAT Native", columns.join(", "))
    }
}

/// A row of a table; made by [`table!`](crate::table).
pub trait TableRow {
    /// The table that it is a row of.
    fn table() -> &'static Table;

    /// Writes its cells, one for each column, in the order of the columns.
    fn write(&self, row: &mut RowWriter<'_>);
}

/// A table and the type of its rows: the fields are the table's columns, in the table's order, each of a type that is a
/// [`ColumnValue`](crate::ColumnValue).
#[macro_export]
macro_rules! table {
    (
        $(#[$table_doc:meta])* $visibility:vis static $table:ident = $name:literal;
        $(#[$row_doc:meta])* $row_visibility:vis struct $row:ident $(<$lifetime:lifetime>)? { $($column:ident: $value:ty,)* }
    ) => {
        $(#[$table_doc])*
        $visibility static $table: $crate::Table = $crate::Table::new($name, $row::columns);

        $(#[$row_doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "the table's definition documents its columns")]
        $row_visibility struct $row $(<$lifetime>)? { $($row_visibility $column: $value,)* }

        impl $(<$lifetime>)? $row $(<$lifetime>)? {
            fn columns() -> Vec<$crate::Column> {
                let mut columns = Vec::new();
                $(<$value as $crate::ColumnValue>::columns(stringify!($column), &mut columns);)*
                columns
            }
        }

        impl $(<$lifetime>)? $crate::TableRow for $row $(<$lifetime>)? {
            fn table() -> &'static $crate::Table {
                &$table
            }

            fn write(&self, row: &mut $crate::RowWriter<'_>) {
                $($crate::ColumnValue::write(&self.$column, row);)*
            }
        }
    };
}
