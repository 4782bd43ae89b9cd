//! Sends the journal over one connection to central, and connects again when it ends.

use std::time::Duration;

use bytes::BytesMut;
use footfall_daemon::backoff::Backoff;
use footfall_journal::{Epoch, ReadError};
use footfall_proto::frame::{self, FrameError};
use footfall_proto::ident::ID_BYTES;
use footfall_proto::limits::{MAX_FRAME_BYTES, MAX_POLICY_BYTES};
use footfall_proto::relay::refusal::Cause;
use footfall_proto::relay::{self, Hello, ToCentral, ToEdge, to_central, to_edge};
use footfall_proto::traffic_source;
use parking_lot::{Mutex, MutexGuard};
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use zstd::bulk::Compressor;

use super::in_flight::{AckError, InFlight};
use super::position::Position;
use super::{batch, quic, refused};
use crate::config::Central;
use crate::edge::{Edge, now_ms};

/// Bytes read from the journal at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// A smaller batch is followed by this pause, so that at low rates central gets a few batches rather than one for
/// every fsync of the edge.
const LINGER: Duration = Duration::from_millis(5);
/// Wait before an unreadable position is read again.
const POSITION_RETRY: Duration = Duration::from_secs(5);
/// What counts as a full batch, bytes.
const FULL_BYTES: usize = 64 << 10;
/// Longest wait for central's answer to the first frame.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// The acknowledged offset is saved on disk at most this often.
const POSITION_SAVE_INTERVAL: Duration = Duration::from_millis(200);
/// Longest wait for the last acks once the edge is told to stop, and for a connection's close.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The first wait for the next connection is at most this.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No wait for it is longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Forwards until `stop`. Without a configured central it only waits.
pub async fn run(edge: &Edge, stop: &CancellationToken) {
    let (Some(central), Some(tls)) = (&edge.config.central, &edge.tls) else {
        return stop.cancelled().await;
    };
    let mut position = loop {
        match Position::open(&edge.config.data.join("position"), edge.journal.start(), edge.journal.end()) {
            Ok(position) => break position,
            Err(error) => {
                edge.relay_status.fail(format!("the position of the relay cannot be read: {error}"));
                tracing::error!(%error, "the position of the relay cannot be read");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(POSITION_RETRY) => {}
                }
            }
        }
    };
    edge.journal.release(position.offset());
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    while !stop.is_cancelled() {
        let mut welcomed = false;
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            connected = quic::connect(&tls.config, central) => match connected {
                Err(error) => unreachable(error, central),
                Ok((endpoint, connection)) => {
                    let ended = run_connection(edge, &connection, &mut position, stop, &mut welcomed).await;
                    // Central judges the certificate after this end took the connection for made: then its verdict is the reason.
                    let reason = connection.close_reason();
                    let ended = match reason.and_then(|reason| refused::sentence(&reason, central)) {
                        Some(sentence) if !matches!(ended, Disconnect::Stopped) => Disconnect::Certificate(sentence),
                        _ => ended,
                    };
                    connection.close(0_u32.into(), b"bye");
                    // The close frame must be sent before the socket is closed.
                    let _ = timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
                    ended
                }
            },
        };
        if matches!(ended, Disconnect::Stopped) {
            return;
        }
        // Two edges under one certificate would otherwise end each other's connections many times a second.
        if welcomed && !ended.is_superseded() {
            backoff.reset();
        }
        report(edge, central, &tls.edge_id, &ended);
        let random = getrandom::u64().expect("the system has randomness once it is up");
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(backoff.next(random)) => {}
        }
    }
}

fn unreachable(error: quic::ConnectError, central: &Central) -> Disconnect {
    match &error {
        quic::ConnectError::Connection(reason) => refused::sentence(reason, central),
        _ => None,
    }
    .map_or(Disconnect::Unreachable(error), Disconnect::Certificate)
}

fn report(edge: &Edge, central: &Central, edge_id: &str, ended: &Disconnect) {
    if matches!(ended, Disconnect::Refused(_)) {
        edge.telemetry.relay_refusals.inc();
    }
    let mut sentence = format!("central at {} is not connected: {ended}", central.address);
    if ended.is_superseded() {
        let twin = format!(
            "another edge uses this certificate ({edge_id}, {}): give each edge one of its own",
            central.certificate.display()
        );
        sentence = format!("central at {} has ended the connection, as {twin}", central.address);
        edge.note_superseded(twin, now_ms());
    }
    if edge.relay_status.fail(sentence.clone()) {
        tracing::warn!("{sentence}");
    }
}

/// What both directions of a connection share.
struct Shared<'a> {
    edge: &'a Edge,
    in_flight: Mutex<InFlight>,
    acknowledged: Notify,
}

impl Shared<'_> {
    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock()
    }
}

/// One connection, from hello to its end.
async fn run_connection(
    edge: &Edge,
    connection: &Connection,
    position: &mut Position,
    stop: &CancellationToken,
    welcomed: &mut bool,
) -> Disconnect {
    let (mut send, mut receive) = match handshake(edge, connection).await {
        Ok(streams) => streams,
        Err(ended) => return ended,
    };
    *welcomed = true;
    edge.telemetry.relay_connects.inc();
    edge.relay_status.recover();
    tracing::info!(from = position.offset(), "central is connected");
    let shared =
        Shared { edge, in_flight: Mutex::new(InFlight::new(position.offset())), acknowledged: Notify::new() };
    let from = position.offset();
    let mut acks = Acks {
        buffer: std::mem::take(&mut receive.buffer),
        stream: receive.stream,
        saved_at: Instant::now(),
    };
    let ended = tokio::select! {
        ended = batches(&shared, &mut send, from) => ended,
        ended = acks.run(&shared, position) => ended,
        ended = policies(edge, connection) => ended,
        () = stop.cancelled() => Disconnect::Stopped,
    };
    if matches!(ended, Disconnect::Stopped) {
        let rest = async {
            while !shared.in_flight().is_empty() {
                if let Some(ended) = acks.step(&shared, position).await {
                    return ended;
                }
            }
            Disconnect::Stopped
        };
        // What is not acknowledged by then is sent again after the next start.
        let _ = timeout(CLOSE_TIMEOUT, rest).await;
    }
    let acknowledged = shared.in_flight().acknowledged();
    if let Err(error) = position.save(acknowledged) {
        tracing::warn!(%error, "the position of the relay could not be saved");
    }
    ended
}

struct Receive {
    stream: RecvStream,
    buffer: BytesMut,
}

async fn handshake(edge: &Edge, connection: &Connection) -> Result<(SendStream, Receive), Disconnect> {
    let exchange = async {
        let (mut send, stream) = connection.open_bi().await.map_err(Disconnect::Lost)?;
        let hello = Hello {
            software: concat!("footfall-edge/", env!("CARGO_PKG_VERSION")).into(),
            clock_ms: now_ms(),
            policy_id: edge.policies.current().map_or(0, |policy| policy.id),
            traffic_source_version: traffic_source::VERSION,
        };
        write(&mut send, to_central::Message::Hello(hello)).await?;
        let mut receive = Receive { stream, buffer: BytesMut::new() };
        match next(&mut receive.stream, &mut receive.buffer, MAX_FRAME_BYTES).await? {
            to_edge::Message::Welcome(_) => Ok((send, receive)),
            to_edge::Message::Refusal(refusal) => Err(Disconnect::Refused(refusal)),
            _ => Err(Disconnect::Unexpected),
        }
    };
    timeout(HANDSHAKE_TIMEOUT, exchange).await.unwrap_or(Err(Disconnect::Slow))
}

/// Sends the journal from `from` on.
async fn batches(shared: &Shared<'_>, send: &mut SendStream, from: u64) -> Disconnect {
    let mut reader = shared.edge.journal.reader(from);
    let mut compressor = match Compressor::new(batch::ZSTD_LEVEL) {
        Ok(compressor) => compressor,
        Err(error) => return Disconnect::Local(error.to_string()),
    };
    loop {
        let chunk = match reader.next(CHUNK_BYTES).await {
            Ok(chunk) => chunk,
            Err(ReadError::Trimmed { start }) => {
                shared.edge.telemetry.relay_lost.inc_by(start.saturating_sub(reader.position()));
                tracing::error!(at = reader.position(), start, "records are gone that central never had");
                reader = shared.edge.journal.reader(start);
                continue;
            }
            Err(ReadError::Closed) => return Disconnect::Stopped,
            Err(ReadError::Io(error)) => return Disconnect::Local(error.to_string()),
        };
        let bytes: usize = chunk.entries.iter().map(|entry| entry.payload.len()).sum();
        for run in batch::split(chunk) {
            while !shared.in_flight().has_room() {
                shared.acknowledged.notified().await;
            }
            let packed = match batch::pack(&run, &mut compressor) {
                Ok(packed) => packed,
                Err(error) => return Disconnect::Local(error.to_string()),
            };
            shared.in_flight().send(&run);
            shared.edge.telemetry.relay_batches.inc();
            shared.edge.telemetry.relay_records.inc_by(run.records.len() as u64);
            shared.edge.telemetry.relay_bytes.inc_by(packed.records.len() as u64);
            if let Err(ended) = write(send, to_central::Message::Batch(packed)).await {
                return ended;
            }
        }
        if bytes < FULL_BYTES {
            sleep(LINGER).await;
        }
    }
}

/// Takes central's acks and releases the journal.
struct Acks {
    stream: RecvStream,
    buffer: BytesMut,
    saved_at: Instant,
}

impl Acks {
    async fn run(&mut self, shared: &Shared<'_>, position: &mut Position) -> Disconnect {
        loop {
            if let Some(ended) = self.step(shared, position).await {
                return ended;
            }
        }
    }

    async fn step(&mut self, shared: &Shared<'_>, position: &mut Position) -> Option<Disconnect> {
        let ack = match next(&mut self.stream, &mut self.buffer, MAX_FRAME_BYTES).await {
            Ok(to_edge::Message::Ack(ack)) => ack,
            Ok(to_edge::Message::Refusal(refusal)) => return Some(Disconnect::Refused(refusal)),
            Ok(_) => return Some(Disconnect::Unexpected),
            Err(ended) => return Some(ended),
        };
        let Ok(epoch) = <[u8; ID_BYTES]>::try_from(&ack.epoch[..]) else {
            return Some(Disconnect::Unexpected);
        };
        let below = match shared.in_flight().acknowledge(Epoch(epoch), ack.next_offset) {
            Ok(below) => below,
            Err(error) => return Some(Disconnect::Ack(error)),
        };
        shared.edge.journal.release(below);
        shared.acknowledged.notify_one();
        if self.saved_at.elapsed() >= POSITION_SAVE_INTERVAL {
            self.saved_at = Instant::now();
            if let Err(error) = position.save(below) {
                tracing::warn!(%error, "the position of the relay could not be saved");
            }
        }
        None
    }
}

/// Takes policies, on whatever streams central opens for them.
async fn policies(edge: &Edge, connection: &Connection) -> Disconnect {
    loop {
        let mut stream = match connection.accept_uni().await {
            Ok(stream) => stream,
            Err(error) => return Disconnect::Lost(error),
        };
        let mut buffer = BytesMut::new();
        loop {
            match next(&mut stream, &mut buffer, MAX_POLICY_BYTES).await {
                Ok(to_edge::Message::Policy(policy)) => apply(edge, policy),
                Ok(_) => return Disconnect::Unexpected,
                // The end of a policy stream is no end of the connection: central opens another.
                Err(Disconnect::Broken(_)) => break,
                Err(ended) => return ended,
            }
        }
    }
}

fn apply(edge: &Edge, policy: relay::Policy) {
    let (id, sites) = (policy.policy_id, policy.sites.len());
    match edge.policies.offer(policy) {
        Ok(true) => tracing::info!(policy = id, sites, "policy in force"),
        Ok(false) => tracing::debug!(policy = id, "policy is not newer"),
        Err(error) => tracing::warn!(policy = id, %error, "policy in force but not kept"),
    }
}

async fn write(send: &mut SendStream, message: to_central::Message) -> Result<(), Disconnect> {
    let mut frame = BytesMut::new();
    frame::write(&ToCentral { message: Some(message) }, MAX_FRAME_BYTES, &mut frame)
        .map_err(Disconnect::Frame)?;
    send.write_chunk(frame.freeze()).await.map_err(|error| Disconnect::Broken(error.to_string()))
}

async fn next(
    stream: &mut RecvStream,
    buffer: &mut BytesMut,
    limit: usize,
) -> Result<to_edge::Message, Disconnect> {
    loop {
        if let Some(ToEdge { message }) = frame::read(buffer, limit).map_err(Disconnect::Frame)? {
            return message.ok_or(Disconnect::Unexpected);
        }
        match stream.read_chunk(64 << 10, true).await {
            Ok(Some(chunk)) => buffer.extend_from_slice(&chunk.bytes),
            Ok(None) => return Err(Disconnect::Broken("central ended the stream".into())),
            Err(error) => return Err(Disconnect::Broken(error.to_string())),
        }
    }
}

impl Disconnect {
    /// Whether another connection under the same certificate took over.
    fn is_superseded(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.cause() == Cause::Superseded)
    }
}

/// Why a connection ended. All but `Stopped` lead to the next try; what was not acknowledged is sent again.
#[derive(Debug, thiserror::Error)]
enum Disconnect {
    #[error("the edge stops")]
    Stopped,
    #[error("{0}")]
    Unreachable(quic::ConnectError),
    #[error("{0}")]
    Certificate(String),
    #[error("{0}")]
    Lost(quinn::ConnectionError),
    #[error("{0}")]
    Broken(String),
    #[error("no answer within {HANDSHAKE_TIMEOUT:?}")]
    Slow,
    #[error("it refused this edge: {}", .0.sentence)]
    Refused(relay::Refusal),
    #[error("it said what does not belong here")]
    Unexpected,
    #[error("{0}")]
    Frame(FrameError),
    #[error("{0}")]
    Ack(AckError),
    #[error("the journal cannot be sent: {0}")]
    Local(String),
}
