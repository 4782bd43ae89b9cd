//! The real `central` program, one process for each round. Knows how it is configured and what it tells of itself.

use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use footfall_daemon::ready;
use serde_json::Value;

use super::certificates::Certificates;
use super::kafka::Address;
use super::shards::Shards;

/// How long it may take to be ready, or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a central works with.
pub(crate) struct Setting<'a> {
    pub(crate) certificates: &'a Certificates,
    pub(crate) kafka: &'a Address,
    pub(crate) shards: &'a Shards,
    pub(crate) topic: &'a str,
    pub(crate) partitions: u32,
    pub(crate) group: &'a str,
    /// The metadata that it begins with, if any.
    pub(crate) metadata: Option<&'a Path>,
}

/// A central that runs; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Central {
    child: Child,
    pipe: Option<ChildStdin>,
    http: String,
    /// Where edges connect.
    pub(crate) relay: SocketAddr,
}

impl Central {
    /// Starts it with its state in `folder`, which need not be there.
    ///
    /// # Errors
    /// When it does not start; its messages are in the folder.
    pub(crate) fn start(folder: &Path, setting: &Setting<'_>) -> anyhow::Result<Self> {
        let config = write_config(folder, setting)?;
        let database = folder.join("data/metadata.sqlite");
        if let Some(metadata) = setting.metadata
            && !database.exists()
        {
            std::fs::create_dir_all(folder.join("data"))?;
            std::fs::copy(metadata, &database).context("copy the metadata")?;
        }
        let program = std::env::current_exe()?.with_file_name("central");
        let log = std::fs::File::create(folder.join("central.log"))?;
        let mut child = Command::new(program)
            .args(["run", "--until-eof", "--config"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("start central")?;
        let pipe = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("stdout was piped"));
        let ready: Value = ready::read(&mut output).with_context(|| {
            format!(
                "central did not start: {}",
                std::fs::read_to_string(folder.join("central.log")).unwrap_or_default()
            )
        })?;
        let text = |key: &str| ready[key].as_str().with_context(|| format!("no {key} in READY"));
        let (http, relay) = (text("http")?.to_owned(), text("relay")?.parse()?);
        Ok(Self { child, pipe, http, relay })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it can do its whole job.
    ///
    /// # Errors
    /// What it says is missing after a minute.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = reqwest::get(format!("{}/readyz", self.http)).await?;
            let (status, body) = (answer.status(), answer.text().await?);
            if status.is_success() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "central is not ready: {body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The sum of the samples that begin like this, as `/metrics` has them.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn metric(&self, begin: &str) -> anyhow::Result<u64> {
        let text = reqwest::get(format!("{}/metrics", self.http)).await?.error_for_status()?.text().await?;
        let samples = text.lines().filter(|line| line.starts_with(begin));
        let value = |line: &str| anyhow::Ok(line.rsplit(' ').next().context("a value")?.parse::<f64>()?);
        Ok(samples.map(value).sum::<anyhow::Result<f64>>()? as u64)
    }

    /// Ends it and waits until it has left its group.
    ///
    /// # Errors
    /// When it does not end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        drop(self.pipe.take());
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("central does not end");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Central {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a configuration into `folder`, which need not be there.
///
/// # Errors
/// What the file system says.
pub(crate) fn write_config(folder: &Path, setting: &Setting<'_>) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let config = folder.join("central.toml");
    std::fs::write(&config, text(folder, setting)?)?;
    Ok(config)
}

fn text(folder: &Path, setting: &Setting<'_>) -> anyhow::Result<String> {
    let Setting { certificates, kafka, shards, topic, partitions, group, .. } = setting;
    let servers: Vec<_> = shards.urls().into_iter().map(|url| vec![url]).collect();
    let settings = serde_json::json!({
        "data": folder.join("data"),
        "http": { "listen": "127.0.0.1:0" },
        "relay": {
            "listen": "127.0.0.1:0",
            "certificate": certificates.central.certificate,
            "key": certificates.central.key,
            "ca": certificates.authority.ca(),
        },
        "log": { "backend": "kafka", "kafka": {
            "bootstrap": kafka.bootstrap,
            "topic": topic,
            "partitions": partitions,
            "replication": 1,
            "group": group,
            "security": kafka.security,
            "mechanism": kafka.mechanism,
            "user": kafka.user,
            "password_file": kafka.password_file,
            "ca": kafka.ca,
        }},
        "event_store": { "servers": servers, "password_file": shards.password_file() },
    });
    Ok(toml::to_string(&settings)?)
}
