//! A question as data: its text, what it may use, and its values, which travel as parameters beside the text and never inside it. Pure; sends
//! nothing. A text that is composed of typed parts is a [`Select`](super::select::Select).

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeTuple as _, Serializer};

/// What a statement may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds that it may run.
    pub seconds: u32,
    /// Bytes of memory that it may use.
    pub memory_bytes: u64,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// An instant, milliseconds since 1970.
    Millis(i64),
    /// An instant of a column that holds whole seconds, since 1970.
    Second(u32),
    /// A UTC day, days since 1970.
    Day(u16),
    /// A number that need not be whole.
    Float(f64),
    /// Values of one type.
    List(Vec<Self>),
    /// Values that belong together, each of its own type.
    Tuple(Vec<Self>),
}

/// A text of SQL with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    sql: Cow<'static, str>,
    limits: Limits,
    parameters: Vec<(Cow<'static, str>, Value)>,
}

impl Statement {
    /// `sql` names its values as ClickHouse does: `{name:Type}`.
    pub fn new(sql: &'static str, limits: Limits) -> Self {
        Self { sql: sql.into(), limits, parameters: Vec::new() }
    }

    /// With a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    /// Of a composed text, with the value of each parameter that it names.
    pub(super) fn composed(sql: String, limits: Limits, parameters: Vec<(Cow<'static, str>, Value)>) -> Self {
        Self { sql: sql.into(), limits, parameters }
    }

    /// Its text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// What it may use.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The values that its text names.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.parameters.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl Value {
    /// How a text of SQL names a parameter that has it. What stands in a list or tuple is the bare number that travels.
    pub(super) fn placeholder(&self, name: &str) -> String {
        let parameter = format!("{{{name}:{}}}", self.data_type());
        match self {
            Self::Millis(_) => format!("fromUnixTimestamp64Milli({parameter}, 'UTC')"),
            Self::Second(_) => format!("toDateTime({parameter}, 'UTC')"),
            Self::Day(_) => format!("toDate({parameter})"),
            _ => parameter,
        }
    }

    /// The type that it travels as.
    fn data_type(&self) -> String {
        match self {
            Self::Text(_) => "String".to_owned(),
            Self::Number(_) => "UInt64".to_owned(),
            Self::Millis(_) => "Int64".to_owned(),
            Self::Second(_) => "UInt32".to_owned(),
            Self::Day(_) => "UInt16".to_owned(),
            Self::Float(_) => "Float64".to_owned(),
            Self::List(values) => {
                let inner = values.first().map_or_else(|| "String".to_owned(), Self::data_type);
                format!("Array({inner})")
            }
            Self::Tuple(values) => {
                let inner: Vec<_> = values.iter().map(Self::data_type).collect();
                format!("Tuple({})", inner.join(", "))
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Millis(instant) => serializer.serialize_i64(*instant),
            Self::Second(instant) => serializer.serialize_u32(*instant),
            Self::Day(day) => serializer.serialize_u16(*day),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::List(values) => serializer.collect_seq(values),
            Self::Tuple(values) => {
                let mut tuple = serializer.serialize_tuple(values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
