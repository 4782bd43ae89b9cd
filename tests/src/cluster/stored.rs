//! What of a running system's events is in ClickHouse, on whichever shard.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{CATCH_UP, Cluster};
use crate::ledger::Rows;
use crate::services;
use crate::wait::until;

impl Cluster {
    /// Asks ClickHouse with every right; panics when it refuses.
    pub async fn clickhouse(&self, query: &str) -> String {
        self.try_clickhouse(query).await.unwrap_or_else(|error| panic!("ClickHouse: {error}\n{query}"))
    }

    /// Asks ClickHouse, which may be down: of several shards the one that holds the demo website's events.
    ///
    /// # Errors
    /// What it answered, or why it did not.
    pub async fn try_clickhouse(&self, query: &str) -> Result<String, String> {
        self.ask_shard(&self.run.clickhouse.url, query).await
    }

    /// The URLs of all shards, each holding other websites' events.
    #[must_use]
    pub fn shards(&self) -> Vec<String> {
        let Some(report) = &self.run.services else { return vec![self.run.clickhouse.url.clone()] };
        let servers = services::read(report).clickhouse.expect("there are shards");
        servers.shards.into_iter().map(|mut replicas| replicas.remove(0)).collect()
    }

    /// Asks one shard.
    ///
    /// # Errors
    /// What it answered, or why it did not.
    pub async fn ask_shard(&self, url: &str, query: &str) -> Result<String, String> {
        let at = &self.run.clickhouse;
        let password = std::fs::read_to_string(&at.password_file).map_err(|error| error.to_string())?;
        let request = self.http.post(url).header("X-ClickHouse-User", &at.user);
        let request = request.header("X-ClickHouse-Key", password.trim()).body(query.to_owned());
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(text.trim_end().to_owned()) } else { Err(text) }
    }

    /// Every stored event, with how often it is there.
    ///
    /// # Errors
    /// When ClickHouse cannot be asked.
    pub async fn stored(&self) -> Result<BTreeMap<Uuid, Rows>, String> {
        let query = "SELECT event_id, countIf(is_duplicate = 0), countIf(is_duplicate = 1) FROM footfall.events GROUP BY event_id FORMAT TabSeparated";
        let row = |line: &str| -> Option<(Uuid, Rows)> {
            let mut cells = line.split('\t');
            let id = cells.next()?.parse().ok()?;
            Some((id, Rows { counted: cells.next()?.parse().ok()?, marked: cells.next()?.parse().ok()? }))
        };
        let mut stored: BTreeMap<Uuid, Rows> = BTreeMap::new();
        for shard in self.shards() {
            for line in self.ask_shard(&shard, query).await?.lines() {
                let (id, rows) = row(line).ok_or_else(|| format!("not a row: {line}"))?;
                let known = stored.entry(id).or_default();
                *known = Rows { counted: known.counted + rows.counted, marked: known.marked + rows.marked };
            }
        }
        Ok(stored)
    }

    /// How many rows count, on all shards.
    async fn rows(&self) -> Result<u64, String> {
        let mut rows = 0;
        for shard in self.shards() {
            let query = "SELECT count() FROM footfall.events WHERE is_duplicate = 0";
            let count = self.ask_shard(&shard, query).await?;
            rows += count.parse::<u64>().map_err(|error| format!("{count}: {error}"))?;
        }
        Ok(rows)
    }

    /// Waits until every answered event is stored, and checks that each counts once and nothing was invented.
    pub async fn each_stored_once(&self) {
        // Cheap first: the whole list is asked for only when there are enough rows.
        let enough = self.ledger.answered_count() as u64;
        until("as many rows as answered events are in ClickHouse", CATCH_UP, || async {
            (self.rows().await.ok()? >= enough).then_some(())
        })
        .await;
        until("every answered event is in ClickHouse", CATCH_UP, || async {
            let difference = self.ledger.compare(&self.stored().await.ok()?);
            difference.missing.is_empty().then_some(())
        })
        .await;
        let difference = self.ledger.compare(&self.stored().await.expect("ClickHouse answers"));
        assert!(difference.is_none(), "stored is not what was answered: {difference:?}");
    }
}
