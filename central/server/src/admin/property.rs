//! `central admin property …`.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;

use super::table::{list, maybe, one};
use super::{Error, List, OfWebsite, Output};
use footfall_metadata::{Metadata, PropertyKey, name};

/// What can be done with properties.
#[derive(Debug, Subcommand)]
pub enum Property {
    /// Set a property.
    Set(Set),
    /// List a website's properties.
    List(List),
    /// Take a property away.
    Unset(Unset),
}

/// A property to be set.
#[derive(Debug, Args)]
pub struct Set {
    #[command(flatten)]
    of: OfWebsite,
    /// Its name.
    key: String,
    /// What it is to be.
    value: String,
    #[command(flatten)]
    output: Output,
}

/// A property to be taken away.
#[derive(Debug, Args)]
pub struct Unset {
    #[command(flatten)]
    of: OfWebsite,
    /// Its name.
    key: String,
    #[command(flatten)]
    output: Output,
}

/// A command whose values are known to be good.
pub(super) enum Prepared {
    Set { of: OfWebsite, key: PropertyKey, value: String, json: bool },
    List { of: OfWebsite, json: bool },
    Unset { of: OfWebsite, key: PropertyKey, json: bool },
}

impl Property {
    pub(super) fn prepare(self) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Set(set) => Prepared::Set {
                of: set.of,
                key: set.key.parse()?,
                value: name("a property's value", 65_535, &set.value)?,
                json: set.output.json,
            },
            Self::List(List { of, output }) => Prepared::List { of, json: output.json },
            Self::Unset(unset) => {
                Prepared::Unset { of: unset.of, key: unset.key.parse()?, json: unset.output.json }
            }
        })
    }
}

impl Prepared {
    pub(super) async fn run(self, metadata: &Metadata, out: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Set { of, key, value, json } => {
                let website = of.find(metadata).await?;
                metadata.set_property(&website, &key, &value).await?;
                let set =
                    json!({ "tracking_id": website.tracking_id, "key": key.to_string(), "value": value });
                one(&set, json, out, |_| format!("{}  {key} = {value}", website.tracking_id))?;
            }
            Self::List { of, json } => {
                let website = of.find(metadata).await?;
                let properties = metadata.properties(&website).await?;
                list("properties", &properties, json, out, |property| {
                    [property.key.clone(), maybe(property.value.as_ref())]
                })?;
            }
            Self::Unset { of, key, json } => {
                let website = of.find(metadata).await?;
                metadata.unset_property(&website, &key).await?;
                let unset = json!({ "tracking_id": website.tracking_id, "key": key.to_string() });
                one(&unset, json, out, |_| format!("{}  {key} is not set", website.tracking_id))?;
            }
        }
        Ok(())
    }
}
