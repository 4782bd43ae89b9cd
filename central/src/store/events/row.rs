//! A row of `events_local` as RowBinary, borrowed from whoever has the event. Pure; knows the table's columns, not what fills them.

use footfall_proto::limits::CUSTOM_SLOTS;

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

macro_rules! row {
    ($($column:ident: $kind:ty,)*) => {
        /// One event. The fields are the table's columns, in the table's order.
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "the table's definition documents its columns")]
        pub struct EventRow<'a> { $(pub $column: $kind,)* }

        impl<'a> EventRow<'a> {
            /// The names of the columns and what the table may call their types, in the table's order.
            pub fn columns() -> Vec<(String, &'static str)> {
                let mut columns = Vec::new();
                $(<$kind as Cell>::columns(stringify!($column), &mut columns);)*
                columns
            }

            /// Appends the row.
            pub fn write(&self, out: &mut Vec<u8>) {
                $(self.$column.write(out);)*
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
    /// The type in the table; a `LowCardinality` around it makes no difference to the bytes.
    const KIND: &'static str;

    fn write(&self, out: &mut Vec<u8>);

    fn columns(name: &str, columns: &mut Vec<(String, &'static str)>) {
        columns.push((name.to_owned(), Self::KIND));
    }
}

macro_rules! number {
    ($($number:ty: $kind:literal, $optional:literal;)*) => {$(
        impl Cell for $number {
            const KIND: &'static str = $kind;

            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }

        impl Cell for Option<$number> {
            const KIND: &'static str = $optional;

            fn write(&self, out: &mut Vec<u8>) {
                out.push(u8::from(self.is_none()));
                if let Some(value) = self {
                    value.write(out);
                }
            }
        }
    )*};
}

number! {
    u8: "UInt8", "Nullable(UInt8)";
    u32: "UInt32", "Nullable(UInt32)";
    u64: "UInt64", "Nullable(UInt64)";
    i32: "Int32", "Nullable(Int32)";
    f32: "Float32", "Nullable(Float32)";
    f64: "Float64", "Nullable(Float64)";
}

impl Cell for &str {
    const KIND: &'static str = "String";

    fn write(&self, out: &mut Vec<u8>) {
        let mut length = self.len();
        while length > 0x7f {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(self.as_bytes());
    }
}

impl Cell for Option<&str> {
    const KIND: &'static str = "Nullable(String)";

    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_none()));
        if let Some(text) = self {
            text.write(out);
        }
    }
}

impl Cell for Millis {
    const KIND: &'static str = "DateTime64(3, 'UTC')";

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

impl Cell for i64 {
    const KIND: &'static str = "Int64";

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Cell for Uuid {
    const KIND: &'static str = "UUID";

    /// Two numbers of 64 bits, each in little endian, the higher one first.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.0[..8].iter().rev());
        out.extend(self.0[8..].iter().rev());
    }
}

impl Cell for Ipv6 {
    const KIND: &'static str = "IPv6";

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl<T: Cell> Cell for [T; SLOTS] {
    const KIND: &'static str = T::KIND;

    fn write(&self, out: &mut Vec<u8>) {
        for value in self {
            value.write(out);
        }
    }

    fn columns(name: &str, columns: &mut Vec<(String, &'static str)>) {
        columns.extend((1..=SLOTS).map(|slot| (format!("{name}_{slot}"), T::KIND)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(cell: &impl Cell) -> Vec<u8> {
        let mut out = Vec::new();
        cell.write(&mut out);
        out
    }

    #[test]
    fn cells_are_written_as_clickhouse_reads_them() {
        assert_eq!(bytes(&"a"), [1, b'a']);
        assert_eq!(bytes(&"x".repeat(300).as_str())[..2], [0xac, 0x02]);
        assert_eq!(bytes(&None::<f64>), [1]);
        assert_eq!(bytes(&Some("")), [0, 0]);
        assert_eq!(bytes(&Some(-2_i32)), [0, 0xfe, 0xff, 0xff, 0xff]);
        assert_eq!(bytes(&Millis(-1)), [0xff; 8]);
        let id = Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(bytes(&id), [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]);
    }

    #[test]
    fn every_column_of_the_table_is_there_once() {
        let columns = EventRow::columns();
        let mut names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"custom_dimension_1") && names.contains(&"custom_metric_20"));
        assert_eq!(names.len(), 98);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 98);
    }
}
