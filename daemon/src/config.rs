//! A program's configuration in three layers: `FOOTFALL_…` variables, a TOML file, defaults. What a key means, and whether its value can
//! be used, is each program's own; here it is read, told in one sentence when it cannot be, and described for a person.
//!
//! A program writes its keys down once, as structs that derive [`confique::Config`]: their comments and defaults are the template and
//! `docs/configuration.md`. Each of them says `#[config(layer_attr(serde(deny_unknown_fields)))]`.

use std::path::{Path, PathBuf};

use confique::meta::{Field, FieldKind, Meta};
use confique::{Config, Layer};
use serde::Deserialize;

mod environment;
mod template;

pub use environment::variables;
pub use template::template;

/// Reads the file at `path`, with this process's variables laid over it. `others` as in [`read`].
///
/// # Errors
/// [`ConfigError`]: one sentence.
pub fn load<C>(path: &Path, others: &[&str]) -> Result<C, ConfigError>
where
    C: Config<Layer: for<'de> Deserialize<'de>>,
{
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    read(&text, variables(), others)
}

/// The same from text and variables that the caller brings. A `FOOTFALL_…` variable that is neither a key of this program nor one of
/// `others` is refused as a misspelling; a name in `others` that ends with `_` stands for all that begin with it.
///
/// # Errors
/// [`ConfigError`]: one sentence.
pub fn read<C>(
    text: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    others: &[&str],
) -> Result<C, ConfigError>
where
    C: Config<Layer: for<'de> Deserialize<'de>>,
{
    let file: C::Layer = toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
    let environment: C::Layer = environment::layer(&C::META, variables, others)?;
    let merged = environment.with_fallback(file).with_fallback(C::Layer::default_values());
    C::from_layer(merged).map_err(|error| ConfigError::incomplete(&error))
}

/// The names of the fields of a section.
fn fields(meta: &'static Meta) -> impl Iterator<Item = &'static Field> {
    meta.fields.iter()
}

/// What a section holds, if the field is one.
fn section(field: &'static Field) -> Option<&'static Meta> {
    match field.kind {
        FieldKind::Nested { meta } => Some(meta),
        FieldKind::Leaf { .. } => None,
    }
}

/// Why a configuration cannot be used. Permanent: somebody must edit it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("the configuration {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of another type.
    #[error("the configuration is wrong: {0}")]
    Syntax(String),
    /// A key without a default is missing.
    #[error("the configuration lacks `{0}`")]
    Missing(String),
    /// A variable whose text is no value of its key.
    #[error("the environment variable {name} is of no use: {reason}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A variable that no key answers to.
    #[error("the environment variable {0} names no configuration key: correct its name, or unset it")]
    UnknownVariable(String),
}

impl ConfigError {
    fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map_or(String::new(), |span| {
            let before = text.get(..span.start).unwrap_or(text);
            format!(" (line {})", before.matches('\n').count() + 1)
        });
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Syntax(message + &line)
    }

    fn incomplete(error: &confique::Error) -> Self {
        let text = error.to_string();
        // The library tells the key in its sentence only.
        let key = text.strip_prefix("required configuration value is missing: '");
        match key.and_then(|key| key.strip_suffix('\'')) {
            Some(key) => Self::Missing(key.to_owned()),
            None => Self::Syntax(text),
        }
    }
}

#[cfg(test)]
mod tests;
