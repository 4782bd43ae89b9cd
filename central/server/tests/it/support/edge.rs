//! An edge that says what a test wants: a QUIC connection with a certificate, and batches of whatever records.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use footfall_harness::authority::{Authority, CENTRAL, Usage};
use footfall_proto::limits::{MAX_FRAME_BYTES, RELAY_ALPN};
use footfall_proto::relay::{Batch, Hello, ToCentral, ToEdge, to_central, to_edge};
use footfall_proto::{frame, traffic_source};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint, RecvStream, SendStream};
use tokio::time::timeout;

/// How long anything may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Connected and greeted.
pub(crate) struct FakeEdge {
    sender: SendStream,
    receiver: RecvStream,
    buffer: BytesMut,
    /// The opening of its journal: no two edges have the same.
    epoch: Bytes,
    next_offset: u64,
    _endpoint: Endpoint,
}

impl FakeEdge {
    pub(crate) async fn connect(authority: &Authority, edge_id: &str, central: SocketAddr) -> Self {
        let mut tls = authority.client(&authority.issue(edge_id, Usage::Client));
        tls.alpn_protocols = vec![RELAY_ALPN.to_vec()];
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().expect("address")).expect("endpoint");
        let config = QuicClientConfig::try_from(tls).expect("cipher");
        endpoint.set_default_client_config(ClientConfig::new(Arc::new(config)));
        let connection = endpoint.connect(central, CENTRAL).expect("connecting").await.expect("connected");
        let (sender, receiver) = connection.open_bi().await.expect("opened");
        let mut epoch = [0; 16];
        getrandom::fill(&mut epoch).expect("random");
        let epoch = Bytes::copy_from_slice(&epoch);
        let mut edge =
            Self { sender, receiver, buffer: BytesMut::new(), epoch, next_offset: 0, _endpoint: endpoint };
        let hello = Hello {
            software: "test".into(),
            clock_ms: now_ms(),
            policy_id: 0,
            traffic_source_version: traffic_source::VERSION,
        };
        edge.write(to_central::Message::Hello(hello)).await;
        assert!(matches!(edge.read().await, to_edge::Message::Welcome(_)));
        edge
    }

    /// Sends records that follow the last ones, and waits until they are acknowledged.
    pub(crate) async fn send(&mut self, records: &[Bytes]) {
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
        self.write(to_central::Message::Batch(batch)).await;
        match self.read().await {
            to_edge::Message::Ack(ack) => assert_eq!(ack.next_offset, self.next_offset),
            other => panic!("no acknowledgement but {other:?}"),
        }
    }

    async fn write(&mut self, message: to_central::Message) {
        let mut out = BytesMut::new();
        frame::write(&ToCentral { message: Some(message) }, MAX_FRAME_BYTES, &mut out).expect("small");
        self.sender.write_all(&out).await.expect("sent");
    }

    async fn read(&mut self) -> to_edge::Message {
        let reading = async {
            loop {
                if let Some(frame) =
                    frame::read::<ToEdge>(&mut self.buffer, MAX_FRAME_BYTES).expect("a frame")
                {
                    return frame.message.expect("a message");
                }
                let chunk =
                    self.receiver.read_chunk(65_536, true).await.expect("readable").expect("not over");
                self.buffer.extend_from_slice(&chunk.bytes);
            }
        };
        timeout(TIMEOUT, reading).await.expect("in time")
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}
