//! Variables as a layer of the configuration: `FOOTFALL_<SECTION>_<KEY>` gives the key its value, as its type wants it. A list is
//! separated by commas.

use std::collections::{BTreeMap, btree_map};

use confique::meta::Meta;
use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{ConfigError, fields, section};

const PREFIX: &str = "FOOTFALL_";

/// What no program's configuration names: what else the project's programs, commands and tests ask the environment for.
const PROJECT: &[&str] = &[
    "FOOTFALL_AGENTS",
    "FOOTFALL_ARTEFACTS",
    "FOOTFALL_BATCHES",
    "FOOTFALL_BIN_DIR",
    "FOOTFALL_BODY",
    "FOOTFALL_CACHE",
    "FOOTFALL_CONFIG",
    "FOOTFALL_EVENT_STORE",
    "FOOTFALL_HISTORIES",
    "FOOTFALL_ID_AT",
    "FOOTFALL_JOURNAL_CHILD",
    "FOOTFALL_KILLS",
    "FOOTFALL_LIBCHDB",
    "FOOTFALL_LOAD_SECONDS",
    "FOOTFALL_LOG",
    "FOOTFALL_LOG_FORMAT",
    "FOOTFALL_MUTANTS",
    "FOOTFALL_OUTAGE",
    "FOOTFALL_POWER_LOSSES",
    "FOOTFALL_RATE",
    "FOOTFALL_SALT",
    "FOOTFALL_SEED",
    "FOOTFALL_SERVICES",
    "FOOTFALL_SMALL_DISK",
    "FOOTFALL_TEST_MEMBER",
    "FOOTFALL_WRITE",
    "FOOTFALL_XTASK",
];

/// This process's `FOOTFALL_…` variables.
pub fn variables() -> Vec<(String, String)> {
    let own = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some((name, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(own).collect()
}

/// What the variables say about the keys of `meta`.
pub(super) fn layer<L: for<'de> Deserialize<'de>>(
    meta: &'static Meta,
    variables: impl IntoIterator<Item = (String, String)>,
    others: &[&str],
) -> Result<L, ConfigError> {
    let own = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX));
    let mut given: BTreeMap<String, String> = own.collect();
    let root = Section::take(meta, PREFIX, &mut given);
    let known = |name: &String| {
        PROJECT.contains(&name.as_str())
            || others.iter().any(|other| name == other || (other.ends_with('_') && name.starts_with(other)))
    };
    if let Some(unknown) = given.into_keys().find(|name| !known(name)) {
        return Err(ConfigError::UnknownVariable(unknown));
    }
    L::deserialize(root.into_deserializer()).map_err(|error| ConfigError::Variable {
        name: error.variable.unwrap_or_default(),
        reason: error.reason,
    })
}

/// What is given of a section, and of those within it.
struct Section(BTreeMap<&'static str, Node>);

enum Node {
    Section(Section),
    Text(Text),
}

/// The text of one variable.
struct Text {
    variable: String,
    text: String,
}

impl Section {
    fn take(meta: &'static Meta, prefix: &str, given: &mut BTreeMap<String, String>) -> Self {
        let mut found = BTreeMap::new();
        for field in fields(meta) {
            let variable = format!("{prefix}{}", field.name.to_uppercase());
            match section(field) {
                Some(inner) => {
                    let inner = Self::take(inner, &format!("{variable}_"), given);
                    found.insert(field.name, Node::Section(inner));
                }
                None => {
                    if let Some(text) = given.remove(&variable) {
                        found.insert(field.name, Node::Text(Text { variable, text }));
                    }
                }
            }
        }
        Self(found)
    }
}

impl<'de> IntoDeserializer<'de, Error> for Section {
    type Deserializer = MapDeserializer<'de, btree_map::IntoIter<&'static str, Node>, Error>;

    fn into_deserializer(self) -> Self::Deserializer {
        MapDeserializer::new(self.0.into_iter())
    }
}

impl IntoDeserializer<'_, Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// One item of a list.
impl IntoDeserializer<'_, Error> for Text {
    type Deserializer = Node;

    fn into_deserializer(self) -> Node {
        Node::Text(self)
    }
}

impl Text {
    fn parse<'de, V: Visitor<'de>, T: std::str::FromStr>(
        self,
        visitor: V,
        expected: &str,
        visit: impl FnOnce(V, T) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        let Ok(value) = self.text.trim().parse() else {
            return Err(Error {
                reason: format!("{:?} is not {expected}", self.text),
                variable: Some(self.variable),
            });
        };
        visit(visitor, value).map_err(|error| error.of(self.variable))
    }
}

/// Hands the text on as what the key's type asks for.
macro_rules! parse_as {
    ($expected:literal: $($method:ident $visit:ident $type:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self {
                Self::Text(text) => text.parse(visitor, $expected, V::$visit::<Error>),
                Self::Section(section) => section.into_deserializer().deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Section(section) => section.into_deserializer().deserialize_any(visitor),
            Self::Text(Text { variable, text }) => {
                visitor.visit_string(text).map_err(|error: Error| error.of(variable))
            }
        }
    }

    parse_as!("true or false": deserialize_bool visit_bool bool);
    parse_as!("a whole number in its range":
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64);
    parse_as!("a number": deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64);

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self::Text(Text { variable, text }) = self else { return self.deserialize_any(visitor) };
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let items: Vec<Text> =
            items.map(|item| Text { variable: variable.clone(), text: item.to_owned() }).collect();
        visitor.visit_seq(SeqDeserializer::new(items.into_iter())).map_err(|error: Error| error.of(variable))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self::Text(Text { variable, text }) = self else { return self.deserialize_any(visitor) };
        visitor.visit_enum(text.into_deserializer()).map_err(|error: Error| error.of(variable))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct map struct identifier ignored_any tuple tuple_struct
    }
}

/// What is wrong with the text of a variable.
#[derive(Debug)]
pub(super) struct Error {
    variable: Option<String>,
    reason: String,
}

impl Error {
    fn of(self, variable: String) -> Self {
        Self { variable: self.variable.or(Some(variable)), ..self }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self { variable: None, reason: reason.to_string() }
    }
}
