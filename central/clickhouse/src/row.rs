//! A row of `events_local`, borrowed from whoever has the event. Pure; knows the table's columns, not what fills them.

use footfall_proto::limits::CUSTOM_SLOTS;

use super::block::RowWriter;

/// The site's own dimensions and metrics, each.
pub const SLOTS: usize = CUSTOM_SLOTS as usize;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Millis(pub i64);
/// The 16 bytes of a UUID, in the order in which it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uuid(pub [u8; 16]);
/// The 16 bytes of an IPv6 address, in network order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv6(pub [u8; 16]);

/// A column of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// Its type; the table may say `LowCardinality` around it, and converts.
    pub kind: &'static str,
    /// Bytes of each value; none where each has a length of its own.
    pub width: Option<usize>,
}

macro_rules! row {
    ($($column:ident: $kind:ty,)*) => {
        /// One event. The fields are the table's columns, in the table's order.
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "the table's definition documents its columns")]
        pub struct EventRow<'a> { $(pub $column: $kind,)* }

        impl<'a> EventRow<'a> {
            /// The columns, in the table's order.
            pub fn columns() -> Vec<Column> {
                let mut columns = Vec::new();
                $(<$kind as Cell>::columns(stringify!($column), &mut columns);)*
                columns
            }

            /// Appends the row to a block.
            pub(super) fn write(&self, block: &mut RowWriter<'_>) {
                $(self.$column.write(block);)*
            }
        }
    };
}

row! {
    event_id: Uuid,
    website_id: &'a str,
    session_id: &'a str,
    user_id: &'a str,
    event_type: &'a str,
    event_category: &'a str,
    event_action: &'a str,
    event_label: &'a str,
    event_value: f64,
    client_timestamp: Millis,
    server_timestamp: Millis,
    page_url: &'a str,
    page_title: &'a str,
    page_referrer: &'a str,
    page_path: &'a str,
    page_view_id: Uuid,
    engagement_ms: u32,
    scroll_depth: u8,
    ip_address: Ipv6,
    user_agent: &'a str,
    country: &'a str,
    region: &'a str,
    city: &'a str,
    latitude: f32,
    longitude: f32,
    device_type: &'a str,
    device_brand: &'a str,
    device_model: &'a str,
    os: &'a str,
    os_version: &'a str,
    browser: &'a str,
    browser_version: &'a str,
    screen_resolution: &'a str,
    traffic_source: &'a str,
    traffic_medium: &'a str,
    traffic_campaign: &'a str,
    traffic_keyword: &'a str,
    transaction_id: Option<&'a str>,
    transaction_revenue: Option<f64>,
    transaction_tax: Option<f64>,
    transaction_shipping: Option<f64>,
    product_sku: Option<&'a str>,
    product_name: Option<&'a str>,
    product_category: Option<&'a str>,
    product_price: Option<f64>,
    product_quantity: Option<i32>,
    custom_dimension: [&'a str; SLOTS],
    custom_metric: [f64; SLOTS],
    is_bot: u8,
    is_duplicate: u8,
    sdk_version: &'a str,
    sample_rate: f64,
    log_incarnation: Uuid,
    log_partition: u32,
    log_offset: u64,
    log_index: u32,
    edge_id: &'a str,
    epoch: Uuid,
    edge_offset: u64,
    policy_id: u64,
}

/// A value of one column, or of several numbered ones.
trait Cell {
    /// The type of the column.
    const KIND: &'static str;
    /// Bytes of each value; none where each has a length of its own.
    const WIDTH: Option<usize>;

    fn write(&self, block: &mut RowWriter<'_>);

    fn columns(name: &str, columns: &mut Vec<Column>) {
        columns.push(Column { name: name.to_owned(), kind: Self::KIND, width: Self::WIDTH });
    }
}

macro_rules! number {
    ($($number:ty: $kind:literal, $optional:literal;)*) => {$(
        impl Cell for $number {
            const KIND: &'static str = $kind;
            const WIDTH: Option<usize> = Some(size_of::<$number>());

            fn write(&self, block: &mut RowWriter<'_>) {
                block.fixed(&self.to_le_bytes());
            }
        }

        impl Cell for Option<$number> {
            const KIND: &'static str = $optional;
            const WIDTH: Option<usize> = <$number>::WIDTH;

            fn write(&self, block: &mut RowWriter<'_>) {
                block.optional(self.is_none());
                self.unwrap_or_default().write(block);
            }
        }
    )*};
}

number! {
    u8: "UInt8", "Nullable(UInt8)";
    u32: "UInt32", "Nullable(UInt32)";
    u64: "UInt64", "Nullable(UInt64)";
    i32: "Int32", "Nullable(Int32)";
    i64: "Int64", "Nullable(Int64)";
    f32: "Float32", "Nullable(Float32)";
    f64: "Float64", "Nullable(Float64)";
}

impl Cell for &str {
    const KIND: &'static str = "String";
    const WIDTH: Option<usize> = None;

    fn write(&self, block: &mut RowWriter<'_>) {
        block.text(self);
    }
}

impl Cell for Option<&str> {
    const KIND: &'static str = "Nullable(String)";
    const WIDTH: Option<usize> = None;

    fn write(&self, block: &mut RowWriter<'_>) {
        block.optional(self.is_none());
        block.text(self.unwrap_or_default());
    }
}

impl Cell for Millis {
    const KIND: &'static str = "DateTime64(3, 'UTC')";
    const WIDTH: Option<usize> = i64::WIDTH;

    fn write(&self, block: &mut RowWriter<'_>) {
        self.0.write(block);
    }
}

impl Cell for Uuid {
    const KIND: &'static str = "UUID";
    const WIDTH: Option<usize> = Some(16);

    /// Two numbers of 64 bits, each in little endian, the higher one first.
    fn write(&self, block: &mut RowWriter<'_>) {
        let number = u128::from_be_bytes(self.0);
        block.fixed(&number.rotate_left(64).to_le_bytes());
    }
}

impl Cell for Ipv6 {
    const KIND: &'static str = "IPv6";
    const WIDTH: Option<usize> = Some(16);

    fn write(&self, block: &mut RowWriter<'_>) {
        block.fixed(&self.0);
    }
}

impl<T: Cell> Cell for [T; SLOTS] {
    const KIND: &'static str = T::KIND;
    const WIDTH: Option<usize> = T::WIDTH;

    fn write(&self, block: &mut RowWriter<'_>) {
        for value in self {
            value.write(block);
        }
    }

    fn columns(name: &str, columns: &mut Vec<Column>) {
        for slot in 1..=SLOTS {
            T::columns(&format!("{name}_{slot}"), columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_table_is_there_once() {
        let columns = EventRow::columns();
        let mut names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        assert!(names.contains(&"custom_dimension_1") && names.contains(&"custom_metric_20"));
        assert_eq!(names.len(), 98);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 98);
    }
}
