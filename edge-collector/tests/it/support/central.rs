//! A central that speaks the relay protocol, keeps what it gets, and can lose acks, refuse, vanish and come back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use footfall_edge::config;
use footfall_harness::authority::{Authority, CENTRAL, Identity, Usage};
use footfall_proto::frame;
use footfall_proto::limits::{MAX_FRAME_BYTES, RELAY_ALPN};
use footfall_proto::relay::{self, Ack, Batch, Refusal, ToCentral, ToEdge, Welcome, to_central, to_edge};
use parking_lot::Mutex;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream, ServerConfig};

/// An authority and what it signed.
pub(crate) struct Certificates {
    pub(crate) authority: Authority,
    pub(crate) central: Identity,
    edge: Identity,
}

impl Certificates {
    pub(crate) fn new(dir: &Path) -> Self {
        let authority = Authority::new(&dir.join("certificates"));
        let (central, edge) =
            (authority.issue(CENTRAL, Usage::Server), authority.issue("edge-1", Usage::Client));
        Self { authority, central, edge }
    }

    pub(crate) fn central(&self, address: SocketAddr) -> config::Central {
        config::Central {
            address: address.to_string(),
            server_name: CENTRAL.into(),
            certificate: self.edge.certificate.clone(),
            key: self.edge.key.clone(),
            ca: self.authority.ca(),
            certificate_ca: None,
        }
    }

    fn server(&self) -> ServerConfig {
        let mut tls = self.authority.server(&self.central);
        tls.alpn_protocols = vec![RELAY_ALPN.to_vec()];
        ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).expect("QUIC")))
    }
}

/// A running central.
pub(crate) struct Central {
    pub(crate) address: SocketAddr,
    endpoint: Endpoint,
}

/// What it has and how it behaves; outlives a restart.
#[derive(Default)]
pub(crate) struct State {
    /// Records by epoch and offset.
    pub(crate) records: Mutex<BTreeMap<([u8; 16], u64), Bytes>>,
    /// How many records came that were there already.
    pub(crate) repeats: Mutex<usize>,
    pub(crate) drops_acks: AtomicBool,
    pub(crate) refusal: Mutex<Option<Refusal>>,
    pub(crate) policies: Mutex<Vec<relay::Policy>>,
    /// Batches that were not as the protocol wants them.
    pub(crate) faults: Mutex<Vec<String>>,
}

impl State {
    pub(crate) fn count(&self) -> usize {
        self.records.lock().len()
    }
}

impl Central {
    pub(crate) async fn start(certificates: &Certificates, address: SocketAddr, state: Arc<State>) -> Self {
        let endpoint = bind(certificates, address).await;
        let address = endpoint.local_addr().expect("bound");
        let accepting = endpoint.clone();
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    if let Ok(connection) = incoming.await {
                        serve(connection, state).await;
                    }
                });
            }
        });
        Self { address, endpoint }
    }

    /// Closes every connection and the port.
    pub(crate) async fn stop(self) {
        self.endpoint.close(0_u32.into(), b"stop");
        self.endpoint.wait_idle().await;
    }
}

/// A port that an earlier central had is free once its last connection is forgotten.
async fn bind(certificates: &Certificates, address: SocketAddr) -> Endpoint {
    for _ in 0..500 {
        if let Ok(endpoint) = Endpoint::server(certificates.server(), address) {
            return endpoint;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{address} is never free");
}

async fn serve(connection: Connection, state: Arc<State>) {
    let Ok((mut send, mut receive)) = connection.accept_bi().await else { return };
    let mut buffer = BytesMut::new();
    let Some(to_central::Message::Hello(_)) = next(&mut receive, &mut buffer).await else { return };
    let refusal = state.refusal.lock().clone();
    if let Some(refusal) = refusal {
        write(&mut send, to_edge::Message::Refusal(refusal)).await;
        connection.closed().await;
        return;
    }
    write(&mut send, to_edge::Message::Welcome(Welcome::default())).await;
    let policies = state.policies.lock().clone();
    if !policies.is_empty() {
        let mut stream = connection.open_uni().await.expect("a stream");
        for policy in policies {
            write(&mut stream, to_edge::Message::Policy(policy)).await;
        }
        let _ = stream.finish();
    }
    let mut expected: Option<([u8; 16], u64)> = None;
    while let Some(message) = next(&mut receive, &mut buffer).await {
        let to_central::Message::Batch(batch) = message else { return };
        let ack = take(&state, &batch, &mut expected);
        if !state.drops_acks.load(Ordering::Relaxed) {
            write(&mut send, to_edge::Message::Ack(ack)).await;
        }
    }
}

fn take(state: &State, batch: &Batch, expected: &mut Option<([u8; 16], u64)>) -> Ack {
    let epoch: [u8; 16] = batch.epoch[..].try_into().expect("16 bytes");
    let plain = zstd::bulk::decompress(&batch.records, batch.plain_length as usize).expect("zstd");
    let fault = |what: &str| state.faults.lock().push(what.to_owned());
    if frame::checksum(&plain) != batch.crc {
        fault("checksum");
    }
    if expected.is_some_and(|(known, next)| known == epoch && batch.first_offset < next) {
        fault("order");
    }
    let mut records = state.records.lock();
    for (index, record) in frame::unpack(plain.into(), batch.count).expect("whole").into_iter().enumerate() {
        let offset = batch.first_offset + index as u64;
        if let Some(earlier) = records.insert((epoch, offset), record.clone()) {
            *state.repeats.lock() += 1;
            if earlier != record {
                fault("another record under the same identity");
            }
        }
    }
    let next_offset = batch.first_offset + u64::from(batch.count);
    *expected = Some((epoch, next_offset));
    Ack { epoch: batch.epoch.clone(), next_offset }
}

async fn write(stream: &mut SendStream, message: to_edge::Message) {
    let mut out = BytesMut::new();
    frame::write(&ToEdge { message: Some(message) }, MAX_FRAME_BYTES, &mut out).expect("fits");
    // A peer that went away is seen by whoever reads from it.
    let _ = stream.write_chunk(out.freeze()).await;
}

async fn next(stream: &mut RecvStream, buffer: &mut BytesMut) -> Option<to_central::Message> {
    loop {
        if let Some(message) = frame::read::<ToCentral>(buffer, MAX_FRAME_BYTES).expect("frames") {
            return message.message;
        }
        buffer.extend_from_slice(&stream.read_chunk(64 << 10, true).await.ok()??.bytes);
    }
}
