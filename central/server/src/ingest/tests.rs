//! Central's end of the relay against a real QUIC client with real certificates.

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use footfall_harness::authority::{Authority, CENTRAL, Identity, Usage};
use footfall_proto::beacon::Event;
use footfall_proto::frame;
use footfall_proto::limits::{MAX_FRAME_BYTES, RELAY_ALPN};
use footfall_proto::relay::refusal::Cause;
use footfall_proto::relay::{
    AdmittedEvent, Batch, Hello, Record, Site, ToCentral, ToEdge, Visit, to_central, to_edge,
};
use footfall_proto::traffic_source;
use prost::Message as _;
use quinn::crypto::rustls::QuicClientConfig;
use tokio::task::JoinHandle;

use super::*;

mod attacks;
mod certificates;
mod judged;

struct Central {
    address: SocketAddr,
    log: Log,
    policy: watch::Sender<Arc<Policy>>,
    looks: watch::Sender<u64>,
    metrics: Metrics,
    health: IngestHealth,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    authority: Authority,
    dir: tempfile::TempDir,
}

impl Central {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut IngestContext)) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let authority = Authority::new(&dir.path().join("certificates"));
        let identity = authority.issue(CENTRAL, Usage::Server);
        let listen = "127.0.0.1:0".parse().expect("address");
        let options = Options {
            listen,
            certificate: identity.certificate,
            key: identity.key,
            ca: authority.ca(),
            certificate_ca: None,
        };
        let endpoint =
            endpoint::bind(listen, endpoint::configure(&options).expect("configured")).expect("bound");
        let address = endpoint.local_addr().expect("bound");
        let log_options = footfall_log::embedded::Options {
            dir: dir.path().to_owned(),
            max_bytes: 64 << 20,
            segment_bytes: 1 << 20,
            lock_wait: Duration::from_secs(5),
        };
        let log = Log::embedded(log_options, footfall_log::Metrics::default()).await.expect("log");
        let (policy, policies) = watch::channel(Arc::new(Policy::default()));
        let stop = CancellationToken::new();
        let metrics = Metrics::default();
        let (looks, ended) = watch::channel(0);
        let mut context = IngestContext::new(log.clone(), policies, metrics.clone(), stop.clone());
        context = context.looking_again(ended);
        change(&mut context);
        let health = context.health();
        let serving = tokio::spawn(serve(endpoint, context));
        Self { address, log, policy, looks, metrics, health, stop, serving, authority, dir }
    }

    async fn connect(&self, edge_id: &str) -> Edge {
        let identity = self.authority.issue(edge_id, Usage::Client);
        self.connect_with(&identity).await.expect("connected")
    }

    async fn connect_with(&self, identity: &Identity) -> Result<Edge, ConnectionError> {
        self.connect_at(self.address, identity).await
    }

    async fn connect_at(&self, address: SocketAddr, identity: &Identity) -> Result<Edge, ConnectionError> {
        self.connect_by(self.client(identity), address).await
    }

    async fn connect_by(&self, endpoint: Endpoint, address: SocketAddr) -> Result<Edge, ConnectionError> {
        let connection = endpoint.connect(address, CENTRAL).expect("connecting").await?;
        let (sender, receiver) = connection.open_bi().await?;
        Ok(Edge { connection, sender, receiver, buffer: BytesMut::new(), _endpoint: endpoint })
    }

    fn client(&self, identity: &Identity) -> Endpoint {
        self.client_at("127.0.0.1", identity, quinn::TransportConfig::default())
    }

    fn client_at(&self, host: &str, identity: &Identity, transport: quinn::TransportConfig) -> Endpoint {
        let mut tls = self.authority.client(identity);
        tls.alpn_protocols = vec![RELAY_ALPN.to_vec()];
        let mut endpoint = Endpoint::client(format!("{host}:0").parse().expect("address")).expect("endpoint");
        let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).expect("cipher")));
        config.transport_config(Arc::new(transport));
        endpoint.set_default_client_config(config);
        endpoint
    }

    fn partition(&self) -> footfall_log::Partition {
        self.log.partition(0).expect("the only one is owned")
    }

    /// Edge offsets in the log, resends included.
    async fn edge_offsets(&self) -> Vec<(String, u64)> {
        let end = self.partition().end();
        let mut cursor = self.partition().observer("test", UNIX_EPOCH).await.expect("observer");
        let mut offsets = Vec::new();
        while cursor.position() < end {
            let batch =
                timeout(Duration::from_secs(10), cursor.next()).await.expect("in time").expect("readable");
            offsets
                .extend(batch.records().iter().map(|record| (record.edge_id.to_owned(), record.edge_offset)));
        }
        offsets
    }

    async fn finish(self) {
        drop(self.stop_and_keep().await);
    }

    async fn stop_and_keep(self) -> tempfile::TempDir {
        self.stop.cancel();
        timeout(Duration::from_secs(10), self.serving).await.expect("in time").expect("served");
        self.log.close();
        self.dir
    }
}

struct Edge {
    connection: quinn::Connection,
    sender: quinn::SendStream,
    receiver: quinn::RecvStream,
    buffer: BytesMut,
    _endpoint: Endpoint,
}

impl Edge {
    async fn send_message(&mut self, message: to_central::Message) {
        let mut out = BytesMut::new();
        frame::write(&ToCentral { message: Some(message) }, MAX_FRAME_BYTES, &mut out).expect("small");
        self.sender.write_all(&out).await.expect("sent");
    }

    async fn hello(&mut self, skew_ms: i64) -> to_edge::Message {
        self.send_message(to_central::Message::Hello(greeting(skew_ms))).await;
        self.receive().await
    }

    async fn send_batch(&mut self, first_offset: u64, count: u8) {
        self.send_records(first_offset, &(0..count).map(record).collect::<Vec<_>>()).await;
    }

    async fn send_records(&mut self, first_offset: u64, records: &[Bytes]) {
        assert!(self.send_records_or_end(first_offset, records).await, "sent");
    }

    /// Says whether it was sent: the connection may have been closed.
    async fn send_records_or_end(&mut self, first_offset: u64, records: &[Bytes]) -> bool {
        let mut plain = BytesMut::new();
        for record in records {
            frame::pack(record, &mut plain);
        }
        let count = records.len() as u32;
        let records = zstd::bulk::compress(&plain, 1).expect("compresses").into();
        let message = to_central::Message::Batch(Batch {
            epoch: Bytes::from_static(&[5; 16]),
            first_offset,
            count,
            plain_length: plain.len() as u32,
            crc: frame::checksum(&plain),
            records,
        });
        let mut out = BytesMut::new();
        frame::write(&ToCentral { message: Some(message) }, MAX_FRAME_BYTES, &mut out).expect("small");
        self.sender.write_all(&out).await.is_ok()
    }

    async fn receive(&mut self) -> to_edge::Message {
        timeout(Duration::from_secs(10), receive_message(&mut self.receiver, &mut self.buffer))
            .await
            .expect("in time")
    }

    async fn acked(&mut self) -> u64 {
        match self.receive().await {
            to_edge::Message::Ack(ack) => ack.next_offset,
            other => panic!("no acknowledgement but {other:?}"),
        }
    }

    async fn refused(&mut self) -> Cause {
        match self.receive().await {
            to_edge::Message::Refusal(refusal) => refusal.cause(),
            other => panic!("no refusal but {other:?}"),
        }
    }
}

async fn receive_message(receiver: &mut quinn::RecvStream, buffer: &mut BytesMut) -> to_edge::Message {
    loop {
        if let Some(frame) = frame::read::<ToEdge>(buffer, MAX_FRAME_BYTES).expect("a frame") {
            return frame.message.expect("a message");
        }
        let chunk = receiver.read_chunk(65_536, true).await.expect("readable").expect("not over");
        buffer.extend_from_slice(&chunk.bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_acknowledged_once_the_log_has_them_and_a_resend_is_stored_once() {
    let central = Central::start().await;
    let mut edge = central.connect("edge-1").await;
    assert!(matches!(edge.hello(0).await, to_edge::Message::Welcome(_)));
    edge.send_batch(0, 3).await;
    edge.send_batch(3, 2).await;
    assert_eq!((edge.acked().await, edge.acked().await), (3, 5));
    assert_eq!(central.partition().end(), 5, "an acknowledged record is in the log");

    // The second acknowledgement is lost with the connection: the edge sends again what it must take for lost.
    edge.connection.close(VarInt::from_u32(0), b"cut");
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    edge.send_batch(3, 2).await;
    edge.send_batch(5, 1).await;
    assert_eq!((edge.acked().await, edge.acked().await), (5, 6));
    let expected: Vec<_> = (0..6).map(|offset| ("edge-1".to_owned(), offset)).collect();
    assert_eq!(central.edge_offsets().await, expected);
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_of_an_edge_ends_the_older_and_leaves_others_alone() {
    let central = Central::start().await;
    let (mut first, mut other) = (central.connect("edge-1").await, central.connect("edge-2").await);
    first.hello(0).await;
    other.hello(0).await;
    let mut second = central.connect("edge-1").await;
    second.hello(0).await;
    assert_eq!(first.refused().await, Cause::Superseded);
    timeout(Duration::from_secs(10), first.connection.closed()).await.expect("closed");
    second.send_batch(0, 1).await;
    other.send_batch(0, 1).await;
    assert_eq!((second.acked().await, other.acked().await), (1, 1));
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_and_rubbish_are_refused_with_a_cause() {
    let central = Central::start().await;
    let mut late = central.connect("edge-1").await;
    assert!(
        matches!(late.hello(-90_000).await, to_edge::Message::Refusal(refusal) if refusal.cause() == Cause::Clock)
    );
    let mut rubbish = central.connect("edge-1").await;
    rubbish.sender.write_all(&[0xff; 64]).await.expect("sent");
    assert_eq!(rubbish.refused().await, Cause::Malformed);
    let mut hasty = central.connect("edge-1").await;
    hasty.send_batch(0, 1).await;
    assert_eq!(hasty.refused().await, Cause::Malformed);
    assert_eq!(central.partition().end(), 0);
    let mut good = central.connect("edge-1").await;
    good.hello(0).await;
    good.send_batch(0, 1).await;
    assert_eq!(good.acked().await, 1);
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_certificates_of_the_authority_are_let_in() {
    let central = Central::start().await;
    let folder = tempfile::tempdir().expect("temp dir");
    let stranger = Authority::new(folder.path()).issue("edge-1", Usage::Client);
    let let_in = match central.connect_with(&stranger).await {
        // With TLS 1.3 a client may believe itself connected before it is refused.
        Ok(edge) => timeout(Duration::from_secs(10), edge.connection.closed()).await.is_err(),
        Err(_) => false,
    };
    assert!(!let_in);
    let server = central.authority.issue("edge-1", Usage::Server);
    let let_in = match central.connect_with(&server).await {
        Ok(edge) => timeout(Duration::from_secs(10), edge.connection.closed()).await.is_err(),
        Err(_) => false,
    };
    assert!(!let_in, "a server's certificate is no edge's");
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_is_sent_at_the_beginning_and_when_it_changes() {
    let central = Central::start().await;
    let policy = |policy_id| {
        let site = Site { website_id: "site".into(), ..Site::default() };
        Arc::new(Policy { policy_id, sites: vec![site; policy_id as usize] })
    };
    central.policy.send_replace(policy(1));
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    let mut stream = timeout(Duration::from_secs(10), edge.connection.accept_uni())
        .await
        .expect("in time")
        .expect("opened");
    let mut buffer = BytesMut::new();
    for expected in 1..4 {
        let received = timeout(Duration::from_secs(10), receive_message(&mut stream, &mut buffer))
            .await
            .expect("in time");
        let to_edge::Message::Policy(received) = received else { panic!("no policy") };
        assert_eq!((received.policy_id, received.sites.len() as u64), (expected, expected));
        central.policy.send_replace(policy(expected + 1));
    }
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_batches_wait_for_the_log_at_once_and_are_answered_in_order() {
    let central = Central::start().await;
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    for batch in 0..300 {
        edge.send_batch(batch * 10, 10).await;
    }
    let mut acked = Vec::new();
    while acked.last() != Some(&3_000) {
        acked.push(edge.acked().await);
    }
    assert!(acked.is_sorted());
    assert_eq!(central.partition().end(), 3_000);
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_crowd_strangers_prove_their_address_first_and_edges_get_in() {
    let central = Central::start().await;
    let client = central.client(&central.authority.issue("edge-1", Usage::Client));
    let connecting: Vec<_> =
        (0..100).map(|_| client.connect(central.address, CENTRAL).expect("connecting")).collect();
    for attempt in connecting {
        timeout(Duration::from_secs(30), attempt).await.expect("in time").expect("connected");
    }
    assert!(central.metrics.retries.get() > 0, "nobody was asked to");
    client.close(VarInt::from_u32(0), b"done");
    central.finish().await;
}

fn greeting(skew_ms: i64) -> Hello {
    Hello {
        software: "test".into(),
        clock_ms: connection::now_ms() + skew_ms,
        policy_id: 0,
        traffic_source_version: traffic_source::VERSION,
    }
}

/// Whether a connection is closed within a few seconds.
async fn is_closed(connection: &quinn::Connection) -> bool {
    timeout(Duration::from_secs(5), connection.closed()).await.is_ok()
}

/// A record of one site with one page view.
fn record(number: u8) -> Bytes {
    record_of("site", number, connection::now_ms())
}

/// The same of any site, received at any time.
fn record_of(website_id: &str, number: u8, server_timestamp_ms: i64) -> Bytes {
    let event_id = Bytes::copy_from_slice(&[number + 1; 16]);
    let event = Event { event_id: event_id.clone(), event_type: "pageview".into(), ..Event::default() };
    let admitted = AdmittedEvent {
        event: event.encode_to_vec().into(),
        event_id,
        fingerprint: u64::from(number),
        user_id: "user".into(),
        session_id: "session".into(),
        page_path: "/".into(),
        ..AdmittedEvent::default()
    };
    let record = Record {
        website_id: website_id.into(),
        server_timestamp_ms,
        policy_id: 1,
        visit: Some(Visit { country: "GB".into(), sample_rate: 1.0, ..Visit::default() }),
        events: vec![admitted],
        tallies: Vec::new(),
        traffic_source_version: traffic_source::VERSION,
    };
    record.encode_to_vec().into()
}
