//! Lays `FOOTFALL_<SECTION>_<KEY>` variables over a parsed file. Reads no variable itself.

use toml::{Table, Value};

use super::ConfigError;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    List,
}

/// Every key that a variable can set: section (empty for the top), key, type.
const KEYS: [(&str, &str, Kind); 16] = [
    ("", "data", Kind::Text),
    ("http", "listen", Kind::Text),
    ("http", "workers", Kind::Number),
    ("http", "max_connections", Kind::Number),
    ("http", "admin_networks", Kind::List),
    ("http", "trusted_proxies", Kind::List),
    ("central", "address", Kind::Text),
    ("central", "server_name", Kind::Text),
    ("central", "certificate", Kind::Text),
    ("central", "key", Kind::Text),
    ("central", "ca", Kind::Text),
    ("journal", "max_bytes", Kind::Number),
    ("journal", "segment_bytes", Kind::Number),
    ("beacon", "assets", Kind::Text),
    ("geo", "databases", Kind::List),
    ("geo", "private_as", Kind::Text),
];

/// Sections that only an edge has: an unknown key there is a misspelling. Others may be central's.
const OWN: [&str; 4] = ["FOOTFALL_CENTRAL_", "FOOTFALL_JOURNAL_", "FOOTFALL_BEACON_", "FOOTFALL_GEO_"];

pub(super) fn overlay(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (name, text) in variables {
        let known = KEYS.iter().find(|(section, key, _)| name == variable(section, key));
        let Some((section, key, kind)) = known else {
            if OWN.iter().any(|prefix| name.starts_with(prefix)) {
                return Err(ConfigError::UnknownVariable(name));
            }
            continue;
        };
        let value = value(&name, &text, *kind)?;
        let target = if section.is_empty() { Some(&mut *table) } else { nested(table, section) };
        let target = target.ok_or_else(|| ConfigError::Syntax(format!("`{section}` is not a table")))?;
        target.insert((*key).into(), value);
    }
    Ok(())
}

fn variable(section: &str, key: &str) -> String {
    let separator = if section.is_empty() { "" } else { "_" };
    format!("FOOTFALL_{section}{separator}{key}").to_uppercase()
}

fn nested<'a>(table: &'a mut Table, section: &str) -> Option<&'a mut Table> {
    table.entry(section).or_insert_with(|| Value::Table(Table::new())).as_table_mut()
}

fn value(name: &str, text: &str, kind: Kind) -> Result<Value, ConfigError> {
    Ok(match kind {
        Kind::Text => Value::String(text.into()),
        Kind::Number => {
            Value::Integer(text.trim().parse().map_err(|_| ConfigError::value(name, text, "a whole number"))?)
        }
        Kind::List => Value::Array(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
        ),
    })
}
