//! Two real event stores as two shards of ClickHouse; and the peer of central's sink: the plainest insert of the same rows.

use std::io::BufReader;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use footfall_daemon::ready;
use footfall_tables::events::EVENTS;
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Who may write.
pub(crate) const USER: &str = "footfall";
const PASSWORD: &str = "of this run";
/// For all statements of one shard together, as `cargo xtask services` has it, bytes.
const MEMORY_BYTES: u64 = 1 << 30;
/// The peer's table, of the same definition.
const BARE: &str = "events_bare";

/// The shards. They end when dropped.
#[derive(Debug)]
pub(crate) struct Shards {
    servers: Vec<Server>,
    password_file: PathBuf,
    client: reqwest::Client,
}

#[derive(Debug)]
struct Server {
    child: Child,
    url: String,
}

/// Rows of one partition, in the order of the log, as many together as central inserted at once.
pub(crate) struct Rows {
    partition: u32,
    inserts: Vec<Bytes>,
}

impl Shards {
    /// Starts `count` of them with their state in `folder`.
    ///
    /// # Errors
    /// When one does not start.
    pub(crate) fn start(folder: &Path, count: usize) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let password_file = folder.join("password");
        std::fs::write(&password_file, PASSWORD)?;
        std::fs::set_permissions(&password_file, std::fs::Permissions::from_mode(0o600))?;
        let start = |shard| Server::start(&folder.join(format!("shard-{shard}")), &password_file);
        let servers = (0..count).map(start).collect::<anyhow::Result<_>>()?;
        Ok(Self { servers, password_file, client: reqwest::Client::new() })
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.url.clone()).collect()
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.servers.iter().map(|server| server.child.id()).collect()
    }

    pub(crate) fn password_file(&self) -> &Path {
        &self.password_file
    }

    /// How many rows all shards have, how many of them are different ones, and how many are marked as repeats.
    ///
    /// # Errors
    /// When one does not answer.
    pub(crate) async fn count(&self, table: &str) -> anyhow::Result<[u64; 3]> {
        let mut sums = [0; 3];
        let question = format!(
            "SELECT count(), uniqExact(log_partition, log_offset, log_index), countIf(is_duplicate != 0) FROM {table} FORMAT TabSeparated"
        );
        for server in &self.servers {
            let answer = self.text(server, &question).await?;
            for (sum, number) in sums.iter_mut().zip(answer.split('\t')) {
                *sum += number.parse::<u64>()?;
            }
        }
        Ok(sums)
    }

    /// Inserts that all shards have done.
    ///
    /// # Errors
    /// When one does not answer.
    pub(crate) async fn inserts(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for server in &self.servers {
            let question =
                "SELECT sum(value) FROM system.events WHERE event = 'InsertQuery' FORMAT TabSeparated";
            sum += self.text(server, question).await?.parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Empties central's table, and the peer's.
    ///
    /// # Errors
    /// When a server refuses.
    pub(crate) async fn clear(&self) -> anyhow::Result<()> {
        for server in &self.servers {
            self.text(server, "TRUNCATE TABLE events_local SYNC").await?;
            self.text(server, &format!("DROP TABLE IF EXISTS {BARE} SYNC")).await?;
        }
        Ok(())
    }

    /// Reads central's rows back, cut into inserts of about `at_once` rows.
    ///
    /// # Errors
    /// When a server does not answer.
    pub(crate) async fn rows(&self, partitions: u32, at_once: u64) -> anyhow::Result<Vec<Rows>> {
        let columns = columns();
        let mut all = Vec::new();
        for partition in 0..partitions {
            let server = self.of(partition);
            let question = format!(
                "SELECT log_offset, count() FROM events_local WHERE log_partition = {partition} \
                 GROUP BY log_offset ORDER BY log_offset FORMAT TabSeparated"
            );
            let counted = self.text(server, &question).await?;
            let mut inserts = Vec::new();
            for (first, last) in cut(&counted, at_once)? {
                let read = format!(
                    "SELECT {columns} FROM events_local WHERE log_partition = {partition} AND log_offset BETWEEN {first} AND {last} \
                     ORDER BY log_offset, log_index FORMAT RowBinary"
                );
                inserts.push(self.ask(server, &read).await?);
            }
            all.push(Rows { partition, inserts });
        }
        Ok(all)
    }

    /// Inserts the rows into a table of the same definition, each partition's inserts one after the other, as central does. Says how
    /// long that took.
    ///
    /// # Errors
    /// When one is refused.
    pub(crate) async fn insert(&self, rows: Vec<Rows>) -> anyhow::Result<Duration> {
        for server in &self.servers {
            self.text(server, &format!("CREATE TABLE {BARE} AS events_local")).await?;
            let made = self.text(server, &format!("SHOW CREATE TABLE {BARE}")).await?;
            ensure!(made.contains("fsync_after_insert = 1"), "the peer's table is another: {made}");
        }
        let statement = format!("INSERT INTO {BARE} ({}) FORMAT RowBinary", columns());
        let begun = Instant::now();
        let mut partitions = JoinSet::new();
        for Rows { partition, inserts } in rows {
            let (client, statement) = (self.client.clone(), statement.clone());
            let url = self.of(partition).url.clone();
            partitions.spawn(async move {
                for insert in inserts {
                    let token = Uuid::now_v7().to_string();
                    let settings = [
                        ("query", statement.as_str()),
                        ("async_insert", "0"),
                        ("insert_deduplicate", "1"),
                        ("insert_deduplication_token", &token),
                    ];
                    let url = reqwest::Url::parse_with_params(&url, settings)?;
                    answered(client.post(url), insert).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = partitions.join_next().await {
            done??;
        }
        let took = begun.elapsed();
        Ok(took)
    }

    /// The peer's table.
    pub(crate) const fn bare() -> &'static str {
        BARE
    }

    fn of(&self, partition: u32) -> &Server {
        &self.servers[partition as usize % self.servers.len()]
    }

    async fn text(&self, server: &Server, statement: &str) -> anyhow::Result<String> {
        let bytes = self.ask(server, statement).await?;
        Ok(std::str::from_utf8(&bytes)?.trim_end().to_owned())
    }

    async fn ask(&self, server: &Server, statement: &str) -> anyhow::Result<Bytes> {
        answered(self.client.post(&server.url), statement.to_owned()).await
    }
}

async fn answered(request: reqwest::RequestBuilder, body: impl Into<reqwest::Body>) -> anyhow::Result<Bytes> {
    let request = request
        .header("X-ClickHouse-User", USER)
        .header("X-ClickHouse-Key", PASSWORD)
        .header("X-ClickHouse-Database", "footfall");
    let answer = request.body(body).send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    if !status.is_success() {
        bail!("ClickHouse answers {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(body)
}

fn columns() -> String {
    EVENTS.columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// First and last offsets of stretches of about `at_once` rows, from lines of an offset and its rows.
fn cut(counted: &str, at_once: u64) -> anyhow::Result<Vec<(u64, u64)>> {
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    let mut rows = at_once;
    for line in counted.lines() {
        let (offset, count) = line.split_once('\t').context("an offset and a count")?;
        let (offset, count) = (offset.parse()?, count.parse::<u64>()?);
        match stretches.last_mut() {
            Some((_, last)) if rows < at_once => *last = offset,
            _ => {
                stretches.push((offset, offset));
                rows = 0;
            }
        }
        rows += count;
    }
    Ok(stretches)
}

impl Server {
    fn start(folder: &Path, password_file: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let program = std::env::current_exe()?.with_file_name("event-store");
        let log = std::fs::File::create(folder.join("event-store.log"))?;
        let mut child = Command::new(program)
            .args(["--until-eof", "--listen", "127.0.0.1:0", "--user", USER, "--max-memory"])
            .arg(MEMORY_BYTES.to_string())
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--password-file")
            .arg(password_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("start an event store")?;
        let mut output = BufReader::new(child.stdout.take().expect("stdout was piped"));
        let ready: Value = ready::read(&mut output)
            .with_context(|| format!("an event store did not start; its log is in {}", folder.display()))?;
        let url = ready["url"].as_str().context("no url in READY")?.to_owned();
        Ok(Self { child, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
