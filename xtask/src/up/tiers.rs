//! What `up --full` tells central about the real servers: services.json turned into central's settings, tier by tier.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};

/// services.json, read once: where the servers are does not change while they run.
#[derive(Clone)]
pub(super) struct Services {
    /// Its path.
    pub(super) file: PathBuf,
    report: Value,
}

impl Services {
    pub(super) fn read(file: PathBuf) -> anyhow::Result<Self> {
        let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let report = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no services.json", file.display()))?;
        Ok(Self { file, report })
    }

    /// Puts every tier that has a real server in place of central's embedded default.
    pub(super) fn apply(&self, central: &mut Value) -> anyhow::Result<()> {
        let settings = central.as_object_mut().context("settings are a table")?;
        for (section, tier) in self.tiers() {
            settings.insert(section.to_owned(), tier);
        }
        Ok(())
    }

    fn tiers(&self) -> [(&'static str, Value); 5] {
        let [kafka, postgresql, redis, s3, clickhouse] =
            ["kafka", "postgresql", "redis", "s3", "clickhouse"].map(|name| &self.report[name]);
        [
            (
                "log",
                json!({ "backend": "kafka", "kafka": {
                    "bootstrap": kafka["bootstrap"],
                    "security": kafka["security"],
                    "mechanism": kafka["mechanism"],
                    "user": kafka["user"],
                    "password_file": kafka["password_file"],
                    "ca": kafka["ca"],
                    // The one broker cannot replicate.
                    "replication": 1,
                }}),
            ),
            (
                "metadata",
                json!({ "backend": "postgresql", "postgresql": {
                    "host": postgresql["host"],
                    "port": postgresql["port"],
                    "database": postgresql["database"],
                    "user": postgresql["user"],
                    "password_file": postgresql["password_file"],
                    "ca": postgresql["ca"],
                    "tls": true,
                }}),
            ),
            (
                "live",
                json!({ "backend": "redis", "redis": {
                    "host": redis["host"],
                    "port": redis["port"],
                    "user": redis["user"],
                    "password_file": redis["password_file"],
                    "ca": redis["ca"],
                    "tls": redis["tls"],
                }}),
            ),
            (
                "blobs",
                json!({ "backend": "s3", "s3": {
                    "endpoint": s3["endpoint"],
                    "region": s3["region"],
                    "bucket": s3["bucket"],
                    "access_key": s3["access_key"],
                    "secret_key_file": s3["secret_key_file"],
                }}),
            ),
            (
                "event_store",
                json!({
                    "servers": clickhouse["shards"],
                    "database": clickhouse["database"],
                    "user": clickhouse["user"],
                    "password_file": clickhouse["password_file"],
                }),
            ),
        ]
    }

    /// The shard that holds a website's events.
    pub(super) fn shard_of(&self, website_id: &str) -> anyhow::Result<Shard> {
        let section = &self.report["clickhouse"];
        let shards = section["shards"].as_array().context("services.json names no shards")?;
        // The number of shards divides that of partitions: the partition's remainder is the hash's.
        let number = (naive_cityhash::cityhash64(website_id.as_bytes()) % shards.len() as u64) as usize;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("services.json is not whole");
        Ok(Shard {
            number,
            url: text(&shards[number][0])?,
            password_file: text(&section["password_file"])?.into(),
            report: self.file.clone(),
        })
    }
}

/// One of the real event stores.
#[derive(Clone)]
pub(super) struct Shard {
    number: usize,
    pub(super) url: String,
    pub(super) password_file: PathBuf,
    report: PathBuf,
}

impl Shard {
    /// Its process as services.json has it now: it may have been started again.
    pub(super) fn pid(&self) -> Option<u32> {
        let report: Value = serde_json::from_slice(&std::fs::read(&self.report).ok()?).ok()?;
        u32::try_from(report["clickhouse"]["pids"][self.number].as_u64()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_server_takes_the_place_of_the_embedded_one() {
        let report = json!({ "redis": {"host": "127.0.0.1", "port": 1, "user": "u", "tls": true} });
        let services = Services { file: "services.json".into(), report };
        let mut central = json!({ "data": "d", "event_store": {"library": "l"} });
        services.apply(&mut central).unwrap();
        assert_eq!(central["data"], "d");
        assert_eq!(
            (&central["live"]["backend"], &central["live"]["redis"]["port"]),
            (&json!("redis"), &json!(1))
        );
        assert_eq!(central["event_store"]["library"], json!(null));
    }
}
