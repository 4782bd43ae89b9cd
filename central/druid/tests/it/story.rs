//! A topic of Kafka's that Druid reads, and who writes into it.

use std::time::{Duration, Instant};

use footfall_druid::{Druid, Ingestion, Options, Row};
use footfall_harness::services;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

const WAIT: Duration = Duration::from_secs(20);
/// Until the first rows of a data source can be asked for, on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_mins(3);
const PARTITIONS: i32 = 2;

/// Waits until there is an answer.
pub(super) async fn eventually<T>(what: &str, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One topic, made for it.
pub(super) struct Story {
    druid: Druid,
    coordinator: String,
    topic: String,
    kafka: services::Kafka,
    producer: FutureProducer,
}

impl Story {
    pub(super) async fn begin() -> Self {
        let (druid, kafka) = (services::druid(), services::kafka());
        let topic = format!("druid-{:016x}", fastrand::u64(..));
        let admin: AdminClient<_> = config(&kafka).create().expect("an admin client");
        let new = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(1));
        admin.create_topics([&new], &AdminOptions::new()).await.expect("made")[0].as_ref().expect("made");
        let mut producer = config(&kafka);
        producer.set("transactional.id", &topic);
        let producer: FutureProducer = producer.create().expect("a producer");
        let begun = producer.clone();
        tokio::task::spawn_blocking(move || begun.init_transactions(WAIT))
            .await
            .expect("ran")
            .expect("begun");
        let options = Options {
            coordinator: druid.coordinator.clone(),
            broker: druid.broker.clone(),
            data_source: topic.clone(),
            user: None,
            ca_file: None,
        };
        let (druid, coordinator) = (Druid::open(options).expect("opened"), druid.coordinator);
        Self { druid, coordinator, topic, kafka, producer }
    }

    pub(super) fn druid(&self) -> &Druid {
        &self.druid
    }

    /// A website that no other story has.
    pub(super) fn website(&self) -> &str {
        &self.topic
    }

    pub(super) fn ingestion(&self) -> Ingestion {
        let password = std::fs::read_to_string(&self.kafka.password_file).expect("a password");
        let login = format!(
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{}\" password=\"{}\";",
            self.kafka.user,
            password.trim()
        );
        let settings = [
            ("bootstrap.servers", self.kafka.bootstrap.clone()),
            ("security.protocol", self.kafka.security.clone()),
            ("sasl.mechanism", self.kafka.mechanism.clone()),
            ("sasl.jaas.config", login),
            ("ssl.truststore.type", "PEM".to_owned()),
            ("ssl.truststore.location", self.kafka.ca.display().to_string()),
        ];
        let kafka = settings.map(|(name, value)| (name.to_owned(), value)).into();
        Ingestion { topic: self.topic.clone(), kafka, tasks: 1 }
    }

    /// Sends rows in one transaction, and commits it or gives it up.
    pub(super) async fn send(&self, rows: &[Row<'_>], commit: bool) {
        self.producer.begin_transaction().expect("begun");
        let payloads: Vec<_> = rows.iter().map(|row| serde_json::to_string(row).expect("JSON")).collect();
        let sent = payloads.iter().zip(0..).map(|(payload, number)| {
            let record =
                FutureRecord::<str, str>::to(&self.topic).payload(payload).partition(number % PARTITIONS);
            self.producer.send_result(record).expect("queued")
        });
        for delivered in sent.collect::<Vec<_>>() {
            delivered.await.expect("told").expect("delivered");
        }
        let producer = self.producer.clone();
        let end = move || {
            if commit { producer.commit_transaction(WAIT) } else { producer.abort_transaction(WAIT) }
        };
        tokio::task::spawn_blocking(end).await.expect("ran").expect("ended");
    }

    /// As a person does.
    pub(super) async fn suspend(&self) {
        self.order("suspend").await;
    }

    /// Forgets how far it has read as well: another topic would not be read from where this one was left.
    pub(super) async fn end(self) {
        self.order("reset").await;
        self.order("terminate").await;
    }

    async fn order(&self, what: &str) {
        let url = format!("{}/druid/indexer/v1/supervisor/{}/{what}", self.coordinator, self.topic);
        let answer = reqwest::Client::new().post(url).send().await.expect("answered");
        assert!(answer.status().is_success(), "{what}: {}", answer.status());
    }
}

fn config(kafka: &services::Kafka) -> ClientConfig {
    let password = std::fs::read_to_string(&kafka.password_file).expect("a password");
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &kafka.bootstrap)
        .set("security.protocol", &kafka.security)
        .set("sasl.mechanism", &kafka.mechanism)
        .set("sasl.username", &kafka.user)
        .set("sasl.password", password.trim())
        .set("ssl.ca.location", kafka.ca.display().to_string());
    config
}

/// A server that knows nobody: its URL, and the head of the first request.
pub(super) async fn refuse_everybody() -> (String, oneshot::Receiver<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let (tell, head) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody");
        let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut buffer).await.expect("read");
            head.extend_from_slice(&buffer[..read]);
        }
        let answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.expect("answered");
        let _ = tell.send(String::from_utf8_lossy(&head).into_owned());
    });
    (url, head)
}
