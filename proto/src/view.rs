//! Records read in place: text and bytes stay in the buffer they came in, and only lists allocate. For whoever reads many
//! records once; what is to be written or kept is a generated message.
//!
//! Each view but [`RecordHead`] has every field of its message, and takes and refuses the same bytes: the tests compare them with the
//! generated code.

mod field;

use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};

use field::Field;
pub use field::Fixed64;

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A key, a wire type or a number that is none.
    #[error(transparent)]
    Wire(#[from] prost::DecodeError),
    /// A value is longer than what is there.
    #[error("a field goes past the end")]
    Cut,
    /// A text is not UTF-8.
    #[error(transparent)]
    Text(#[from] std::str::Utf8Error),
}

/// A message that borrows from its encoding.
pub trait View<'a>: Default {
    /// Reads an encoded message.
    ///
    /// # Errors
    /// [`Malformed`].
    fn read(encoded: &'a [u8]) -> Result<Self, Malformed> {
        let mut view = Self::default();
        view.merge(encoded)?;
        Ok(view)
    }

    /// Takes in the fields of another encoding of it. Later ones replace earlier ones, lists grow.
    ///
    /// # Errors
    /// As of [`read`](Self::read).
    fn merge(&mut self, encoded: &'a [u8]) -> Result<(), Malformed>;
}

macro_rules! view {
    ($(#[$doc:meta])* $view:ident $(<$life:lifetime>)? { $($number:literal $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[allow(missing_docs, reason = "the schema documents its fields")]
        pub struct $view $(<$life>)? { $(pub $field: $kind,)* }

        impl<'a> View<'a> for $view $(<$life>)? {
            fn merge(&mut self, mut encoded: &'a [u8]) -> Result<(), Malformed> {
                let rest = &mut encoded;
                while !rest.is_empty() {
                    let (number, wire) = decode_key(rest)?;
                    match number {
                        $($number => self.$field.accept(wire, rest)?,)*
                        _ => skip_field(wire, number, rest, DecodeContext::default())?,
                    }
                }
                Ok(())
            }
        }

        impl<'a> Field<'a> for $view $(<$life>)? {
            fn accept(&mut self, wire: WireType, rest: &mut &'a [u8]) -> Result<(), Malformed> {
                self.merge(field::delimited(wire, rest)?)
            }
        }

        impl<'a> Field<'a> for Vec<$view $(<$life>)?> {
            fn accept(&mut self, wire: WireType, rest: &mut &'a [u8]) -> Result<(), Malformed> {
                self.push(View::read(field::delimited(wire, rest)?)?);
                Ok(())
            }
        }
    };
}

view! {
    /// [`LogEntry`](crate::relay::LogEntry).
    LogEntry<'a> {
        1 edge_id: &'a str,
        2 epoch: &'a [u8],
        3 edge_offset: u64,
        4 record: &'a [u8],
        5 parked: i32,
    }
}

view! {
    /// What of a [`Record`](crate::relay::Record) says whose it is, when it was received and by which builds it can be read. Its other
    /// fields are passed over: nothing of an event is read.
    RecordHead<'a> {
        1 website_id: &'a str,
        2 server_timestamp_ms: i64,
        7 traffic_source_version: u32,
    }
}

view! {
    /// [`Record`](crate::relay::Record).
    Record<'a> {
        1 website_id: &'a str,
        2 server_timestamp_ms: i64,
        3 policy_id: u64,
        4 visit: Visit<'a>,
        5 events: Vec<AdmittedEvent<'a>>,
        6 tallies: Vec<Tally>,
        7 traffic_source_version: u32,
    }
}

view! {
    /// [`Visit`](crate::relay::Visit).
    Visit<'a> {
        1 ip_address: &'a [u8],
        2 user_agent: &'a str,
        3 country: &'a str,
        4 region: &'a str,
        5 city: &'a str,
        6 latitude: f32,
        7 longitude: f32,
        8 device_type: &'a str,
        9 device_brand: &'a str,
        10 device_model: &'a str,
        11 os: &'a str,
        12 os_version: &'a str,
        13 browser: &'a str,
        14 browser_version: &'a str,
        15 screen_resolution: &'a str,
        16 sdk_version: &'a str,
        17 is_bot: bool,
        18 sample_rate: f64,
        19 language: &'a str,
        20 local_salt: bool,
        21 page_load_id: &'a [u8],
        22 viewport_width: u32,
        23 viewport_height: u32,
        24 timezone: &'a str,
    }
}

view! {
    /// [`AdmittedEvent`](crate::relay::AdmittedEvent).
    AdmittedEvent<'a> {
        1 event: &'a [u8],
        2 event_id: &'a [u8],
        3 fingerprint: Fixed64,
        4 user_id: &'a str,
        5 session_id: &'a str,
        6 page_path: &'a str,
        7 traffic_source: &'a str,
        8 traffic_medium: &'a str,
        9 traffic_campaign: &'a str,
        10 traffic_keyword: &'a str,
        11 note: i32,
        12 source_name: &'a str,
        13 traffic_content: &'a str,
        14 source_known: bool,
    }
}

view! {
    /// [`Tally`](crate::relay::Tally).
    Tally {
        1 reason: i32,
        2 count: u64,
    }
}

view! {
    /// [`Event`](crate::beacon::Event). Of several values of one key the last one counts.
    Event<'a> {
        1 event_id: &'a [u8],
        2 event_type: &'a str,
        3 client_timestamp_ms: i64,
        4 page_view_id: &'a [u8],
        5 page_url: &'a str,
        6 page_title: &'a str,
        7 page_referrer: &'a str,
        8 event_category: &'a str,
        9 event_action: &'a str,
        10 event_label: &'a str,
        11 event_value: Option<f64>,
        12 engagement_ms: u32,
        13 scroll_depth: u32,
        16 traffic_source: &'a str,
        17 traffic_medium: &'a str,
        18 traffic_campaign: &'a str,
        19 traffic_keyword: &'a str,
        20 traffic_content: &'a str,
        21 source_name: &'a str,
        24 transaction_id: Option<&'a str>,
        25 transaction_revenue: Option<f64>,
        26 transaction_tax: Option<f64>,
        27 transaction_shipping: Option<f64>,
        28 product_sku: Option<&'a str>,
        29 product_name: Option<&'a str>,
        30 product_category: Option<&'a str>,
        31 product_price: Option<f64>,
        32 product_quantity: Option<i32>,
        40 custom_dimensions: Vec<Dimension<'a>>,
        41 custom_metrics: Vec<Metric>,
    }
}

view! {
    /// An entry of `Event.custom_dimensions`.
    Dimension<'a> {
        1 number: u32,
        2 value: &'a str,
    }
}

view! {
    /// An entry of `Event.custom_metrics`.
    Metric {
        1 number: u32,
        2 value: f64,
    }
}
