//! An edge as central sees it: one QUIC connection with a certificate, one stream of batches, acknowledgements. Knows nothing of what
//! is in a batch.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use bytes::{Bytes, BytesMut};
use footfall_harness::authority::CENTRAL;
use footfall_proto::frame;
use footfall_proto::limits::{MAX_FRAME_BYTES, RELAY_ALPN};
use footfall_proto::relay::{Batch, Hello, ToCentral, ToEdge, to_central, to_edge};
use footfall_proto::traffic_source;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, Endpoint, EndpointConfig, RecvStream, SendStream, TokioRuntime, TransportConfig,
};
use tokio::sync::Semaphore;

use super::certificates::Certificates;
use super::load::Packed;

/// Batches of a mebibyte in flight: an edge's window.
const IN_FLIGHT: usize = 16;
/// An edge asks for such socket buffers, bytes.
const SOCKET_BYTES: usize = 4 << 20;

/// A connected edge.
pub(crate) struct Edge {
    sender: SendStream,
    receiver: RecvStream,
    buffer: BytesMut,
    connection: Connection,
    endpoint: Endpoint,
}

impl Edge {
    /// Connects and greets.
    ///
    /// # Errors
    /// When central cannot be reached or refuses.
    pub(crate) async fn connect(
        certificates: &Certificates,
        edge_id: &str,
        central: SocketAddr,
    ) -> anyhow::Result<Self> {
        let mut tls = certificates.client(edge_id);
        tls.alpn_protocols = vec![RELAY_ALPN.to_vec()];
        let mut transport = TransportConfig::default();
        transport.send_window(2 * MAX_FRAME_BYTES as u64);
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        config.transport_config(Arc::new(transport));
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let buffers = socket2::SockRef::from(&socket);
        buffers.set_recv_buffer_size(SOCKET_BYTES)?;
        buffers.set_send_buffer_size(SOCKET_BYTES)?;
        let mut endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))?;
        endpoint.set_default_client_config(config);
        let connection = endpoint.connect(central, CENTRAL)?.await.context("connect to central")?;
        let (sender, receiver) = connection.open_bi().await?;
        let mut edge = Self { sender, receiver, buffer: BytesMut::new(), connection, endpoint };
        let clock_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
        let hello = Hello {
            software: "footfall-bench".into(),
            clock_ms,
            policy_id: 0,
            traffic_source_version: traffic_source::VERSION,
        };
        write(&mut edge.sender, to_central::Message::Hello(hello)).await?;
        match next(&mut edge.receiver, &mut edge.buffer).await? {
            to_edge::Message::Welcome(_) => Ok(edge),
            other => bail!("central does not welcome an edge: {other:?}"),
        }
    }

    /// Sends the batches under this epoch and waits until all are acknowledged.
    ///
    /// # Errors
    /// When the connection ends before that.
    pub(crate) async fn send(&mut self, epoch: Bytes, batches: &[Packed]) -> anyhow::Result<()> {
        let window = Semaphore::new(IN_FLIGHT);
        let (sender, receiver, buffer) = (&mut self.sender, &mut self.receiver, &mut self.buffer);
        let sending = async {
            for batch in batches {
                window.acquire().await?.forget();
                let batch = Batch {
                    epoch: epoch.clone(),
                    first_offset: batch.first_offset,
                    count: batch.count,
                    plain_length: batch.plain_length,
                    crc: batch.crc,
                    records: batch.records.clone(),
                };
                write(sender, to_central::Message::Batch(batch)).await?;
            }
            anyhow::Ok(())
        };
        let acknowledged = async {
            let mut waiting = batches.iter().peekable();
            while waiting.peek().is_some() {
                let ack = match next(receiver, buffer).await? {
                    to_edge::Message::Ack(ack) => ack,
                    other => bail!("central does not acknowledge: {other:?}"),
                };
                while waiting.next_if(|batch| batch.next_offset() <= ack.next_offset).is_some() {
                    window.add_permits(1);
                }
            }
            Ok(())
        };
        tokio::try_join!(sending, acknowledged).map(|_| ())
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.connection.close(0_u32.into(), b"bye");
        self.endpoint.wait_idle().await;
    }
}

async fn write(sender: &mut SendStream, message: to_central::Message) -> anyhow::Result<()> {
    let mut frame = BytesMut::new();
    frame::write(&ToCentral { message: Some(message) }, MAX_FRAME_BYTES, &mut frame)?;
    Ok(sender.write_chunk(frame.freeze()).await?)
}

async fn next(receiver: &mut RecvStream, buffer: &mut BytesMut) -> anyhow::Result<to_edge::Message> {
    loop {
        if let Some(ToEdge { message }) = frame::read(buffer, MAX_FRAME_BYTES)? {
            return message.context("central said nothing in a frame");
        }
        let chunk = receiver.read_chunk(64 << 10, true).await?.context("central ended the stream")?;
        buffer.extend_from_slice(&chunk.bytes);
    }
}
