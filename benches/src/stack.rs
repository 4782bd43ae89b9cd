//! The whole default system, started through `xtask up` in release builds for the length of a benchmark.

use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use footfall_daemon::ready::{self, NotReady};
use footfall_harness::authority::{Authority, CENTRAL, Usage};
use prost::Message as _;
use serde_json::Value;

use crate::body;

/// A running system; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Stack {
    up: Child,
    run: Value,
    folder: PathBuf,
    /// The edge's URL.
    pub(crate) edge: String,
    /// Where the edge tells its metrics.
    edge_health: String,
    /// Central's URL.
    pub(crate) central: String,
    /// The demo website's tracking id.
    pub(crate) tracking_id: String,
}

impl Stack {
    /// Starts `xtask up` with state in `folder` and waits for its READY line.
    ///
    /// # Errors
    /// When it ends or says nothing within three minutes.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(folder, &[], None)
    }

    /// The same with further arguments of `up`, and with certificates whose authority can sign others.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn start_with(
        folder: &Path,
        arguments: &[&str],
        certified: Option<&Certified<'_>>,
    ) -> anyhow::Result<Self> {
        let program = std::env::var_os("FOOTFALL_XTASK").context("run this through `cargo xtask bench`")?;
        let mut up = Command::new(program)
            .args(["up", "--release", "--no-build", "--free-ports", "--data"])
            .arg(folder)
            .args(arguments)
            .args(certified.map(Certified::arguments).unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start `xtask up`")?;
        let mut output = BufReader::new(up.stdout.take().expect("stdout was piped"));
        let run: Value = match ready::read(&mut output) {
            Ok(run) => run,
            Err(NotReady::Ended { .. }) => {
                let status = up.wait()?;
                bail!(
                    "`xtask up` ended with {status} before it was ready; its logs are in {}",
                    folder.display()
                );
            }
            Err(error) => return Err(error.into()),
        };
        let text = |pointer: &str| -> anyhow::Result<String> {
            Ok(run
                .pointer(pointer)
                .and_then(Value::as_str)
                .with_context(|| format!("no {pointer} in READY"))?
                .to_owned())
        };
        let (edge, edge_health) = (text("/urls/edge")?, text("/urls/edge_health")?);
        let (central, tracking_id) = (text("/urls/central")?, text("/tracking_id")?);
        Ok(Self { up, run, folder: folder.to_owned(), edge, edge_health, central, tracking_id })
    }

    /// The process id of one server.
    ///
    /// # Errors
    /// When READY did not name it.
    pub(crate) fn pid(&self, name: &str) -> anyhow::Result<u32> {
        let pid = self.run["pids"][name].as_u64().with_context(|| format!("no pid of {name} in READY"))?;
        Ok(u32::try_from(pid)?)
    }

    /// Where its state lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where edges connect.
    ///
    /// # Errors
    /// When READY did not name it.
    pub(crate) fn relay(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.run["relay"].as_str().context("no relay in READY")?.parse()?)
    }

    /// Has the edge take a page view of the demo website, and waits until it is stored.
    ///
    /// # Errors
    /// When that takes longer than half a minute.
    pub(crate) async fn page_view(&self) -> anyhow::Result<()> {
        let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as i64;
        let body = body::page_view(&self.tracking_id, now_ms).encode_to_vec();
        let posted =
            reqwest::Client::new().post(format!("{}/e", self.edge)).header("Content-Type", "text/plain");
        posted.body(body).send().await?.error_for_status()?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.clickhouse("SELECT count() FROM footfall.events").await? == "0" {
            anyhow::ensure!(Instant::now() < deadline, "a page view was not stored within half a minute");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Asks ClickHouse as the authorised user and returns the answer's text.
    ///
    /// # Errors
    /// When it does not answer or refuses.
    pub(crate) async fn clickhouse(&self, query: &str) -> anyhow::Result<String> {
        let at = &self.run["clickhouse"];
        let text = |key: &str| at[key].as_str().with_context(|| format!("no clickhouse.{key} in READY"));
        let password = std::fs::read_to_string(text("password_file")?)?;
        let answer = reqwest::Client::new()
            .post(text("url")?)
            .header("X-ClickHouse-User", text("user")?)
            .header("X-ClickHouse-Key", password.trim())
            .body(query.to_owned())
            .send()
            .await?;
        let (good, body) = (answer.status().is_success(), answer.text().await?);
        if !good {
            bail!("ClickHouse refused: {body}");
        }
        Ok(body.trim_end().to_owned())
    }

    /// The sum of a metric's samples in one of the servers' `/metrics`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn metric(base: &str, name: &str) -> anyhow::Result<f64> {
        let text = reqwest::get(format!("{base}/metrics")).await?.error_for_status()?.text().await?;
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
        });
        samples.map(|line| Ok(line.rsplit(' ').next().context("a sample has a value")?.parse::<f64>()?)).sum()
    }

    /// Waits until central has acknowledged all that the edge's journal holds.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub(crate) fn await_forwarded(&self, limit: Duration) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if runtime.block_on(Self::metric(&self.edge_health, "footfall_edge_journal_unreleased_bytes"))?
                == 0.0
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("central did not acknowledge everything within {limit:?}")
    }
}

/// Certificates of an authority that a benchmark has, so that it can be an edge.
pub(crate) struct Certified<'a>(pub(crate) &'a Authority);

impl Certified<'_> {
    fn arguments(&self) -> Vec<String> {
        let name = |key: &str, path: &Path| format!("{key}={}", path.display());
        let (central, edge) = (self.0.issue(CENTRAL, Usage::Server), self.0.issue("edge-1", Usage::Client));
        vec![
            name("--central=relay.certificate", &central.certificate),
            name("--central=relay.key", &central.key),
            name("--central=relay.ca", &self.0.ca()),
            name("--edge=central.certificate", &edge.certificate),
            name("--edge=central.key", &edge.key),
            name("--edge=central.ca", &self.0.ca()),
        ]
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let pid = self.up.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|status| status.success());
        if !asked {
            let _ = self.up.kill();
        }
        let _ = self.up.wait();
    }
}
