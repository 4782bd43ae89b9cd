//! Named values of a website for which there is no column.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::value::Row;
use super::{Error, Invalid, Metadata, Website};

/// The property that the edges read; it has a way of its own to be set.
const EXTRA_DOMAINS: &str = "extra_domains";

/// A property's name: 1 to 100 of `a-z 0-9 _ . -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyKey(String);

impl FromStr for PropertyKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-')
        };
        if (1..=100).contains(&text.len()) && text.bytes().all(plain) && text != EXTRA_DOMAINS {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::PropertyKey(text.to_owned()))
        }
    }
}

impl fmt::Display for PropertyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Property {
    /// Its name.
    pub key: String,
    /// What it is.
    pub value: Option<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
}

impl Metadata {
    /// The website's properties, by name.
    pub async fn properties(&self, website: &Website) -> Result<Vec<Property>, Error> {
        let values = [website.tracking_id.as_str().into()];
        let rows = self.database()?.rows(include_str!("sql/properties.sql"), &values).await?;
        rows.iter().map(Property::read).collect()
    }

    /// Sets a property, in the location of what it was before.
    pub async fn set_property(&self, website: &Website, key: &PropertyKey, value: &str) -> Result<(), Error> {
        let values = [website.tracking_id.as_str().into(), key.0.as_str().into(), value.into()];
        self.database()?.rows(include_str!("sql/set_property.sql"), &values).await.map(drop)
    }

    /// Takes a property away.
    pub async fn unset_property(&self, website: &Website, key: &PropertyKey) -> Result<(), Error> {
        let values = [website.tracking_id.as_str().into(), key.0.as_str().into()];
        let gone = self.database()?.rows(include_str!("sql/unset_property.sql"), &values).await?;
        if gone.is_empty() {
            return Err(Error::Unknown(format!("property {key} of {}", website.tracking_id)));
        }
        Ok(())
    }
}

impl Property {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            key: row.text("property_key")?,
            value: row.optional_text("property_value")?,
            created_at: row.timestamp("created_at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_plain_and_not_what_edges_read() {
        assert!("brand.colour-2".parse::<PropertyKey>().is_ok());
        for text in ["", "Colour", "a b", "extra_domains", &"x".repeat(101)] {
            assert!(text.parse::<PropertyKey>().is_err(), "{text}");
        }
    }
}
