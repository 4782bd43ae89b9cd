//! A real Kafka for one run, started by `xtask services`; and the peer of central's ingest: the plainest producer of the same records.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use footfall_daemon::ready::{self, NotReady};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use serde::Deserialize;

use super::load::Entry;

/// The services' Java compiles quickly rather than well, for short tests; a broker that works has its usual compiler, without which
/// encrypting costs several times as much.
const JAVA: (&str, &str) = ("_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4");
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The broker. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Kafka {
    services: Child,
    pub(crate) at: Address,
}

/// Where it is and how to log in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Address {
    pub(crate) bootstrap: String,
    pub(crate) security: String,
    pub(crate) mechanism: String,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) ca: PathBuf,
    pub(crate) pid: u32,
}

#[derive(Deserialize)]
struct Services {
    kafka: Address,
}

impl Kafka {
    /// Starts it with its state in `folder`.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let program = std::env::var_os("FOOTFALL_XTASK").context("run this through `cargo xtask bench`")?;
        let mut services = Command::new(program)
            .args(["services", "up", "kafka", "--no-build", "--free-ports", "--until-eof", "--data"])
            .arg(folder)
            .env(JAVA.0, JAVA.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start `xtask services`")?;
        let mut output = BufReader::new(services.stdout.take().expect("stdout was piped"));
        let at = match ready::read::<Services>(&mut output) {
            Ok(report) => report.kafka,
            Err(NotReady::Ended { .. }) => {
                let status = services.wait()?;
                bail!(
                    "`xtask services` ended with {status} before Kafka answered; its log is in {}",
                    folder.display()
                );
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { services, at })
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // The end of its input is what it waits for.
        drop(self.services.stdin.take());
        let _ = self.services.wait();
    }
}

impl Address {
    /// What every client needs.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub(crate) fn client(&self) -> anyhow::Result<ClientConfig> {
        let password = std::fs::read_to_string(&self.password_file)?;
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("security.protocol", &self.security)
            .set("sasl.mechanism", &self.mechanism)
            .set("sasl.username", &self.user)
            .set("sasl.password", password.trim())
            .set("ssl.ca.location", self.ca.display().to_string());
        Ok(config)
    }

    /// Makes a topic that takes what central's takes.
    ///
    /// # Errors
    /// When Kafka refuses.
    pub(crate) async fn make_topic(&self, topic: &str, partitions: u32) -> anyhow::Result<()> {
        let made = NewTopic::new(topic, partitions as i32, TopicReplication::Fixed(1))
            .set("min.insync.replicas", "1")
            .set("max.message.bytes", "5242880");
        let patience = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let answers = self.admin()?.create_topics([&made], &patience).await?;
        ensure!(answers.iter().all(Result::is_ok), "a topic cannot be made: {answers:?}");
        Ok(())
    }

    /// Removes topics, so that the disk does not fill.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub(crate) async fn drop_topics(&self, topics: &[&str]) -> anyhow::Result<()> {
        let patience = AdminOptions::new().operation_timeout(Some(PATIENCE));
        self.admin()?.delete_topics(topics, &patience).await?;
        Ok(())
    }

    fn admin(&self) -> anyhow::Result<AdminClient<DefaultClientContext>> {
        Ok(self.client()?.create()?)
    }

    /// Writes every entry to its partition, with the settings of central's producer, and waits until all are acknowledged. Says how
    /// long that took; connecting is not counted.
    ///
    /// # Errors
    /// When one is not delivered.
    pub(crate) fn produce(&self, topic: &str, entries: &[Entry]) -> anyhow::Result<Duration> {
        let mut config = self.client()?;
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("batch.size", (1 << 20).to_string())
            .set("batch.num.messages", "100000")
            .set("message.max.bytes", "5242880")
            .set("queue.buffering.max.messages", "2000000")
            .set("queue.buffering.max.kbytes", (512 << 10).to_string());
        let counts = Counts::default();
        let producer: ThreadedProducer<Counts> = config.create_with_context(counts.clone())?;
        producer.client().fetch_metadata(Some(topic), PATIENCE)?;
        let begun = Instant::now();
        for entry in entries {
            let mut record = BaseRecord::to(topic)
                .partition(entry.partition as i32)
                .key(entry.website_id.as_str())
                .payload(entry.payload.as_ref());
            while let Err((error, refused)) = producer.send(record) {
                ensure!(error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull), "{error}");
                record = refused;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        producer.flush(PATIENCE)?;
        let took = begun.elapsed();
        let delivered = counts.0.load(Ordering::Relaxed);
        ensure!(
            delivered == entries.len() as u64,
            "only {delivered} of {} records were delivered",
            entries.len()
        );
        Ok(took)
    }
}

/// Delivered records.
#[derive(Clone, Default)]
struct Counts(Arc<AtomicU64>);

impl ClientContext for Counts {}

impl ProducerContext for Counts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
    }
}
