//! The TOML files that the servers of a run read. Builds and writes them; what the keys mean is the servers' business.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use serde_json::json;
use toml::{Table, Value};

use super::layout::Layout;
use super::ports::{Ports, loopback};
use super::{CENTRAL, EDGE};
use crate::authority::Authority;
use crate::file;

/// A public address of a documented test range: page views from this machine are shown as if they came from there.
const PRIVATE_AS: &str = "2.125.160.216";

/// What the settings are made from.
pub(super) struct Inputs<'a> {
    pub(super) layout: &'a Layout,
    pub(super) ports: &'a Ports,
    pub(super) authority: &'a Authority,
    pub(super) engine: PathBuf,
    pub(super) geo: Vec<PathBuf>,
    pub(super) beacon: PathBuf,
}

/// central.toml
pub(super) fn central(inputs: &Inputs<'_>) -> serde_json::Value {
    let identity = inputs.authority.identity("central");
    json!({
        "data": inputs.layout.central(),
        "http": { "listen": loopback(inputs.ports.central) },
        "relay": {
            "listen": loopback(inputs.ports.relay),
            "certificate": identity.certificate,
            "key": identity.key,
            "ca": inputs.authority.ca(),
        },
        "event_store": {
            "listen": loopback(inputs.ports.clickhouse),
            "database": "footfall",
            "user": "footfall",
            "password_file": inputs.layout.clickhouse_password(),
            "library": inputs.engine,
        },
        "tag": { "edge_url": format!("http://{}", loopback(inputs.ports.edge)) },
    })
}

/// edge.toml
pub(super) fn edge(inputs: &Inputs<'_>) -> serde_json::Value {
    let identity = inputs.authority.identity(EDGE);
    json!({
        "data": inputs.layout.edge(),
        "http": { "listen": loopback(inputs.ports.edge) },
        "health": { "listen": loopback(inputs.ports.edge_health) },
        "central": {
            "address": loopback(inputs.ports.relay),
            "server_name": CENTRAL,
            "certificate": identity.certificate,
            "key": identity.key,
            "ca": inputs.authority.ca(),
        },
        "beacon": { "assets": inputs.beacon },
        "geo": { "databases": inputs.geo, "private_as": PRIVATE_AS },
    })
}

/// The file: the settings with the overrides on top.
fn text(settings: serde_json::Value, overrides: &[Override]) -> anyhow::Result<String> {
    let mut table = Table::try_from(settings).context("these settings are no TOML")?;
    for change in overrides {
        change.apply(&mut table)?;
    }
    Ok(format!(
        "# Written by `cargo xtask up` at every start: changes here are lost.\n{}",
        toml::to_string_pretty(&table)?
    ))
}

/// Writes it, readable by its owner only.
pub(super) fn write(path: &Path, settings: serde_json::Value, overrides: &[Override]) -> anyhow::Result<()> {
    file::write(path, text(settings, overrides)?.as_bytes(), 0o600)
}

/// One setting given on the command line: `section.key=value`, the value as TOML writes it, or a bare text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Override {
    path: Vec<String>,
    value: Value,
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or("expected section.key=value")?;
        if path.split('.').any(str::is_empty) {
            return Err(format!("{path:?} is not section.key"));
        }
        let parsed =
            format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
        Ok(Self {
            path: path.split('.').map(str::to_owned).collect(),
            value: parsed.unwrap_or_else(|| Value::String(value.to_owned())),
        })
    }
}

impl Override {
    fn apply(&self, table: &mut Table) -> anyhow::Result<()> {
        let (key, sections) = self.path.split_last().context("an override names a key")?;
        let mut inner = table;
        for section in sections {
            let entry = inner.entry(section.as_str()).or_insert_with(|| Value::Table(Table::new()));
            inner = entry.as_table_mut().with_context(|| format!("{section} is a value, not a section"))?;
        }
        inner.insert(key.clone(), self.value.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_changes_one_key_and_leaves_its_neighbours() {
        let changes: Vec<Override> =
            ["journal.max_bytes=1048576", "http.listen=127.0.0.1:0", "http.names=[\"a\", \"b\"]"]
                .map(|text| text.parse().unwrap())
                .into();
        let text = text(json!({"data": "d", "http": {"listen": "x", "keep": true}}), &changes).unwrap();
        let table: Table = text.parse().unwrap();
        assert_eq!(table["journal"]["max_bytes"].as_integer(), Some(1_048_576));
        assert_eq!(table["http"]["listen"].as_str(), Some("127.0.0.1:0"));
        assert_eq!(table["http"]["names"].as_array().unwrap().len(), 2);
        assert_eq!(table["http"]["keep"].as_bool(), Some(true));
        assert_eq!(table["data"].as_str(), Some("d"));
    }

    #[test]
    fn an_override_without_a_key_is_refused() {
        assert!("journal.max_bytes".parse::<Override>().is_err());
        assert!(".x=1".parse::<Override>().is_err());
        assert!("=1".parse::<Override>().is_err());
    }
}
