//! An edge that says what a test wants: a QUIC connection with a certificate, and batches of whatever records.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use footfall_proto::limits::{MAX_FRAME_BYTES, RELAY_ALPN};
use footfall_proto::relay::{Batch, Hello, ToCentral, ToEdge, to_central, to_edge};
use footfall_proto::{frame, traffic_source};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use tokio::time::timeout;

use crate::authority::{Authority, CENTRAL, Usage};

/// How long anything may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A client of the relay that comes from an address of this machine. Needs a runtime.
#[must_use]
pub fn client(host: IpAddr, mut tls: rustls::ClientConfig, transport: TransportConfig) -> Endpoint {
    tls.alpn_protocols = vec![RELAY_ALPN.to_vec()];
    let mut endpoint = Endpoint::client((host, 0).into()).expect("endpoint");
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).expect("cipher")));
    config.transport_config(Arc::new(transport));
    endpoint.set_default_client_config(config);
    endpoint
}

/// Connected and greeted.
pub struct FakeEdge {
    sender: SendStream,
    receiver: RecvStream,
    buffer: BytesMut,
    /// The opening of its journal: no two edges have the same.
    epoch: Bytes,
    next_offset: u64,
    _endpoint: Endpoint,
}

impl FakeEdge {
    /// An edge with a certificate of its own.
    ///
    /// # Panics
    /// When central does not take it.
    pub async fn connect(authority: &Authority, edge_id: &str, central: SocketAddr) -> Self {
        let tls = authority.client(&authority.issue(edge_id, Usage::Client));
        let endpoint = client(Ipv4Addr::LOCALHOST.into(), tls, TransportConfig::default());
        let connection = endpoint.connect(central, CENTRAL).expect("connecting").await.expect("connected");
        Self::greet(endpoint, &connection).await.expect("central welcomes it")
    }

    /// An edge over a connection of `endpoint`; nothing when central ends the connection before it has said welcome.
    pub async fn greet(endpoint: Endpoint, connection: &Connection) -> Option<Self> {
        let (sender, receiver) = connection.open_bi().await.ok()?;
        let epoch = Bytes::copy_from_slice(&fastrand::u128(..).to_be_bytes());
        let mut edge =
            Self { sender, receiver, buffer: BytesMut::new(), epoch, next_offset: 0, _endpoint: endpoint };
        let hello = Hello {
            software: "test".into(),
            clock_ms: now_ms(),
            policy_id: 0,
            traffic_source_version: traffic_source::VERSION,
        };
        let greeted = edge.write(to_central::Message::Hello(hello)).await;
        let welcomed = greeted && matches!(edge.read().await?, to_edge::Message::Welcome(_));
        welcomed.then_some(edge)
    }

    /// Sends records that follow the last ones, and waits until they are acknowledged.
    ///
    /// # Panics
    /// When they are not.
    pub async fn send(&mut self, records: &[Bytes]) {
        assert!(self.push(records).await, "sent");
        assert_eq!(self.acknowledged().await, Some(self.next_offset));
    }

    /// Sends records that follow the last ones, and waits for nothing. Says whether the connection is still there.
    pub async fn push(&mut self, records: &[Bytes]) -> bool {
        let mut plain = BytesMut::new();
        for record in records {
            frame::pack(record, &mut plain);
        }
        let batch = Batch {
            epoch: self.epoch.clone(),
            first_offset: self.next_offset,
            count: records.len() as u32,
            plain_length: plain.len() as u32,
            crc: frame::checksum(&plain),
            records: zstd::bulk::compress(&plain, 1).expect("compresses").into(),
        };
        self.next_offset += records.len() as u64;
        self.write(to_central::Message::Batch(batch)).await
    }

    /// Up to where the next acknowledgement goes; nothing when central ends the connection instead.
    ///
    /// # Panics
    /// When central says something else, or nothing for a minute.
    pub async fn acknowledged(&mut self) -> Option<u64> {
        match self.read().await? {
            to_edge::Message::Ack(ack) => Some(ack.next_offset),
            other => panic!("no acknowledgement but {other:?}"),
        }
    }

    async fn write(&mut self, message: to_central::Message) -> bool {
        let mut out = BytesMut::new();
        frame::write(&ToCentral { message: Some(message) }, MAX_FRAME_BYTES, &mut out).expect("small");
        self.sender.write_all(&out).await.is_ok()
    }

    async fn read(&mut self) -> Option<to_edge::Message> {
        let reading = async {
            loop {
                if let Some(frame) =
                    frame::read::<ToEdge>(&mut self.buffer, MAX_FRAME_BYTES).expect("a frame")
                {
                    return Some(frame.message.expect("a message"));
                }
                let chunk = self.receiver.read_chunk(65_536, true).await.ok()??;
                self.buffer.extend_from_slice(&chunk.bytes);
            }
        };
        timeout(TIMEOUT, reading).await.expect("in time")
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}
