//! Servers elsewhere: replicas that fail and come back, TLS, and what is said when something is wrong with one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::support::running::Running;
use crate::support::{NOON_MS, Server, append, eventually, nodes, only, open_log};
use clickhouse::Client;
use footfall_clickhouse::{Backend, Block, EventStore, Layout, Millis, Options, Servers};
use footfall_harness::relay::TcpRelay;
use footfall_query::{Period, PlanChoice, Question};
use footfall_tables::SCHEMA;
use footfall_tables::events::{EVENTS, EventRow};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A store over servers, and what ends it.
struct Over {
    store: EventStore,
    stop: CancellationToken,
    watch: JoinHandle<()>,
}

impl Over {
    fn start(dir: &Path, backend: Backend, password: &str) -> Self {
        let password_file = dir.join("central.password");
        crate::support::private(&password_file, password);
        let options =
            Options { backend, database: "footfall".into(), user: "footfall".into(), password_file };
        let stop = CancellationToken::new();
        let (store, watch) = EventStore::start(options, &SCHEMA, stop.clone()).expect("started");
        Self { store, stop, watch }
    }

    async fn ready(&self) {
        let ready = tokio::time::timeout(Duration::from_mins(1), self.store.ready()).await;
        ready.unwrap_or_else(|_| panic!("not ready: {:?}", self.store.faults()));
    }

    async fn says(&self, part: &str) -> String {
        let mut sentence = String::new();
        eventually(part, async || {
            sentence = self.store.faults().join(" | ");
            sentence.contains(part)
        })
        .await;
        sentence
    }

    async fn stop(self) {
        self.stop.cancel();
        self.watch.await.expect("watched");
    }
}

fn client(server: &Server) -> Client {
    let client = Client::default().with_url(&server.url).with_database("footfall");
    client.with_user("footfall").with_password("of all servers")
}

async fn count(client: &Client, what: &str) -> u64 {
    client.query(&format!("SELECT toUInt64({what}) FROM events_local")).fetch_one().await.expect("an answer")
}

/// A way to the server that can be cut, and that speaks TLS if it is told to.
async fn way_to(server: &Server, tls: Option<Arc<rustls::ServerConfig>>) -> TcpRelay {
    let address = server.url.strip_prefix("http://").expect("a URL").parse().expect("an address");
    TcpRelay::start(address, tls, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_fails_is_left_for_another_and_nothing_is_lost_or_doubled() {
    let dir = tempfile::tempdir().expect("temp dir");
    // Two ways to the same rows, as two replicas are.
    let server = Server::start(dir.path());
    let mut ways = [way_to(&server, None).await, way_to(&server, None).await];
    let over =
        Over::start(dir.path(), nodes(vec![ways.iter().map(TcpRelay::url).collect()]), "of all servers");
    over.ready().await;
    let log = open_log(dir.path()).await;
    let sink = Running::clickhouse(&only(&log), &over.store, &footfall_sink::Metrics::default(), 1);
    let reports = crate::support::reports(over.store.query_client());
    let period =
        Period::parse(Some("2026-11-22"), Some("2026-11-23"), time::OffsetDateTime::now_utc()).expect("days");
    let website_id = "0191d0a4-0000-7000-8000-000000000001".to_owned();
    let question = Question { website_id, period, limit: 10, bots: false, choice: PlanChoice::Best };
    let mut appended = 0;
    for round in 0..6 {
        append(&log, 1, appended, 500).await;
        let cut = round % 2;
        ways[cut].cut().await;
        append(&log, 1, appended + 500, 500).await;
        appended += 1000;
        eventually("the rows", async || only(&log).lag("clickhouse") == Some(0)).await;
        assert_eq!(
            reports
                .stats(question.clone(), NOON_MS)
                .await
                .expect("the other answers")
                .answer
                .totals
                .pageviews,
            appended * 2
        );
        eventually("one of two to be enough", async || over.store.faults().is_empty()).await;
        ways[cut].heal().await;
    }
    sink.drain().await;
    let client = client(&server);
    assert_eq!(count(&client, "count()").await, appended * 2);
    assert_eq!(count(&client, "uniqExact(log_offset, log_index)").await, appended * 2);
    log.close();
    over.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_down_is_named_and_the_other_goes_on() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut servers = [Server::start(&dir.path().join("a")), Server::start(&dir.path().join("b"))];
    let shards = servers.iter().map(|server| vec![server.url.clone()]).collect();
    let over = Over::start(dir.path(), nodes(shards), "of all servers");
    over.ready().await;
    servers[1].kill();
    let sentence = over.says("does not answer").await;
    assert!(sentence.contains(&servers[1].url) && !sentence.contains(&servers[0].url), "{sentence}");
    let rows = Block::from_rows(&[EventRow { server_timestamp: Millis(NOON_MS), ..EventRow::default() }]);
    over.store
        .partition_writer(&EVENTS, [1; 16], 0)
        .insert(&rows, "one")
        .await
        .expect("the other shard works");
    servers[1].come_back();
    over.ready().await;
    eventually("a recovery", async || over.store.faults().is_empty()).await;
    over.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_server_is_one_sentence_that_names_it_and_what_to_do() {
    let dir = tempfile::tempdir().expect("temp dir");
    let server = Server::start(dir.path());
    let backend = || nodes(vec![vec![server.url.clone()]]);
    let sentence = async |password: &str, part: &str| {
        let over = Over::start(dir.path(), backend(), password);
        let sentence = over.says(part).await;
        assert!(sentence.starts_with(&format!("the event store at {}", server.url)), "{sentence}");
        assert!(!sentence.contains(['\n', '|']), "{sentence}");
        over.stop().await;
    };
    sentence("wrong", "correct event_store.user and the file of event_store.password_file").await;

    let over = Over::start(dir.path(), backend(), "of all servers");
    over.ready().await;
    over.stop().await;
    let client = client(&server);
    let run = async |sql: &str| client.query(sql).execute().await.expect("done");
    run("INSERT INTO schema_migrations SELECT '2099-01-01_flying', 'x', now()").await;
    sentence("of all servers", "has the schema of a newer central (migration 2099-01-01_flying)").await;
    run("ALTER TABLE schema_migrations DELETE WHERE version LIKE '2099%' SETTINGS mutations_sync = 1").await;
    run("ALTER TABLE schema_migrations UPDATE checksum = 'x' WHERE version LIKE '%local' SETTINGS mutations_sync = 1").await;
    sentence("of all servers", "another text of migration 2026-11-23_events_local").await;
    run("DROP TABLE schema_migrations SYNC").await;
    run("ALTER TABLE events_local DROP COLUMN city").await;
    sentence("of all servers", "without the column city").await;
    run("DROP TABLE events_local SYNC").await;
    sentence("of all servers", "lacks the table events_local").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_dropped_under_way_is_told_by_the_sink() {
    let dir = tempfile::tempdir().expect("temp dir");
    let server = Server::start(dir.path());
    let over = Over::start(dir.path(), nodes(vec![vec![server.url.clone()]]), "of all servers");
    over.ready().await;
    client(&server).query("DROP TABLE events_local SYNC").execute().await.expect("dropped");
    let log = open_log(dir.path()).await;
    append(&log, 1, 0, 10).await;
    let sink = Running::clickhouse(&only(&log), &over.store, &footfall_sink::Metrics::default(), 1);
    eventually("the sentence", async || {
        sink.status
            .fault()
            .is_some_and(|fault| fault.contains(&server.url) && fault.contains("a table is missing"))
    })
    .await;
    assert_eq!(only(&log).lag("clickhouse"), Some(10));
    sink.abandon().await;
    log.close();
    over.stop().await;
}

/// A certificate for this machine that signed itself, and what serves with it.
fn certificate(dir: &Path) -> (PathBuf, Arc<rustls::ServerConfig>) {
    let key = KeyPair::generate().expect("key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("valid");
    let certificate = params.self_signed(&key).expect("signed");
    let path = dir.join("ca.pem");
    std::fs::write(&path, certificate.pem()).expect("written");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = builder
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    (path, Arc::new(config.expect("a certificate and its key")))
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_reached_over_tls_and_only_with_a_certificate_that_is_trusted() {
    let dir = tempfile::tempdir().expect("temp dir");
    let server = Server::start(dir.path());
    let (ca, tls) = certificate(dir.path());
    let way = way_to(&server, Some(tls)).await;
    let backend = |ca| Backend::Servers(Servers { shards: vec![vec![way.url()]], ca, layout: Layout::Node });
    let over = Over::start(dir.path(), backend(Some(ca)), "of all servers");
    over.ready().await;
    let log = open_log(dir.path()).await;
    append(&log, 1, 0, 50).await;
    Running::clickhouse(&only(&log), &over.store, &footfall_sink::Metrics::default(), 1).drain().await;
    assert_eq!(count(&client(&server), "count()").await, 100);
    log.close();
    over.stop().await;

    let plain = nodes(vec![vec![server.url.replace("http:", "https:")]]);
    let over = Over::start(dir.path(), plain, "of all servers");
    let sentence = over.says("does not speak TLS").await;
    assert!(sentence.contains("event_store.tls = false"), "{sentence}");
    over.stop().await;

    let stranger = Over::start(dir.path(), backend(None), "of all servers");
    let sentence = stranger.says("certificate").await;
    assert!(sentence.contains(&way.url()), "{sentence}");
    stranger.stop().await;
}
