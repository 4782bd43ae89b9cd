//! One edge's connection: moves bytes between the socket, the protocol and the log. Decides nothing that the protocol can decide.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use footfall_proto::frame;
use footfall_proto::limits::{MAX_FRAME_BYTES, MAX_POLICY_BYTES};
use footfall_proto::relay::refusal::Cause;
use footfall_proto::relay::{Batch, Policy, Refusal, ToCentral, ToEdge, to_edge};
use futures_util::stream::{FuturesOrdered, StreamExt as _};
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::IngestContext;
use super::protocol::{self, Action, Session};
use footfall_log::{Appender, Refused};

/// How long an edge may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a last frame may take to be received before the connection is closed over it.
const LAST_FRAME_TIMEOUT: Duration = Duration::from_secs(2);
/// Most bytes taken from the stream at once.
const READ_BYTES: usize = 256 << 10;

/// Serves the connection of `edge_id` until it ends.
pub(super) async fn serve(connection: Connection, edge_id: String, context: Arc<IngestContext>) {
    let opened = timeout(HELLO_TIMEOUT, connection.accept_bi());
    let stream = tokio::select! {
        stream = opened => stream,
        () = context.stop.cancelled() => return connection.close(VarInt::from_u32(0), b"stopping"),
    };
    let Ok(Ok((sender, receiver))) = stream else {
        return connection.close(VarInt::from_u32(1), b"no stream");
    };
    let mut edge = EdgeConnection {
        connection: connection.clone(),
        sender,
        receiver,
        buffer: BytesMut::new(),
        session: Session::default(),
        waiting: None,
        answers: FuturesOrdered::new(),
        superseded: CancellationToken::new(),
        policy: None,
        appender: context.log.appender(&edge_id),
        edge_id,
        context,
    };
    let end = edge.run().await;
    edge.end(end).await;
}

struct EdgeConnection {
    connection: Connection,
    edge_id: String,
    sender: SendStream,
    receiver: RecvStream,
    buffer: BytesMut,
    session: Session,
    /// A batch that waits for its share of the memory.
    waiting: Option<Batch>,
    appender: Appender,
    answers: FuturesOrdered<JoinHandle<Result<(), Refused>>>,
    superseded: CancellationToken,
    policy: Option<JoinHandle<()>>,
    context: Arc<IngestContext>,
}

/// How a connection comes to its end.
enum End {
    /// Lost, or closed by the edge.
    Gone,
    /// Central stops.
    Stopping,
    /// With a reason to tell.
    Refused(Refusal),
}

impl EdgeConnection {
    async fn run(&mut self) -> End {
        loop {
            if let Err(refusal) = self.parse().await {
                return refusal;
            }
            let share = self.waiting.as_ref().map_or(0, |batch| batch.plain_length.max(1));
            tokio::select! {
                biased;
                Some(answer) = self.answers.next() => {
                    if let Err(end) = self.answer(answer.unwrap_or(Err(Refused::Unavailable("closing".into())))).await {
                        return end;
                    }
                }
                () = self.superseded.cancelled() => return End::Refused(protocol::superseded()),
                reason = self.appender.closed() => return End::Refused(protocol::log_unavailable(reason)),
                () = self.context.stop.cancelled() => return End::Stopping,
                permit = Arc::clone(&self.context.memory).acquire_many_owned(share), if share > 0 => {
                    let permit = permit.expect("the budget is never closed");
                    if let Err(refusal) = self.append(permit) {
                        return End::Refused(refusal);
                    }
                }
                chunk = self.receiver.read_chunk(READ_BYTES, true), if share == 0 && self.session.has_room() => {
                    match chunk {
                        Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                        Ok(None) | Err(_) => return End::Gone,
                    }
                }
                () = tokio::time::sleep(HELLO_TIMEOUT), if !self.session.is_greeted() => return End::Gone,
            }
        }
    }

    /// Takes whole frames off the buffer until a batch waits.
    async fn parse(&mut self) -> Result<(), End> {
        while self.waiting.is_none() && self.session.has_room() {
            let frame = frame::read::<ToCentral>(&mut self.buffer, MAX_FRAME_BYTES)
                .map_err(|error| End::Refused(protocol::malformed(&error.to_string())))?;
            let Some(frame) = frame else { break };
            match self.session.receive(frame, now_ms()).map_err(End::Refused)? {
                Action::Greet { welcome, policy_id } => {
                    tracing::info!(edge = self.edge_id, address = %self.connection.remote_address(), policy_id, "edge connected");
                    let (connection, address) =
                        (self.connection.stable_id(), self.connection.remote_address());
                    self.superseded = self.context.edges.register(&self.edge_id, connection, address);
                    self.context.metrics.edges.set(self.context.edges.len() as i64);
                    self.policy =
                        Some(tokio::spawn(send_policies(self.connection.clone(), Arc::clone(&self.context))));
                    self.send(to_edge::Message::Welcome(welcome)).await?;
                }
                Action::Take(batch) => self.waiting = Some(batch),
            }
        }
        Ok(())
    }

    fn append(&mut self, permit: tokio::sync::OwnedSemaphorePermit) -> Result<(), Refusal> {
        let batch = self.waiting.take().expect("memory is asked for a batch that waits");
        let bytes = u64::from(batch.plain_length);
        let append = self.session.inflate(batch)?;
        let count = append.records.len() as u64;
        let pending = self.appender.append(append.epoch, append.first_offset, append.records);
        let metrics = self.context.metrics.clone();
        // A task of its own, so that the memory is given back even when this connection is gone.
        self.answers.push_back(tokio::spawn(async move {
            let answer = pending.await;
            drop(permit);
            if answer.is_ok() {
                metrics.batches.inc();
                metrics.records.inc_by(count);
                metrics.bytes.inc_by(bytes);
            }
            answer
        }));
        Ok(())
    }

    /// Acknowledges what the log has; after a failure nothing that came later is.
    async fn answer(&mut self, answer: Result<(), Refused>) -> Result<(), End> {
        match answer {
            Ok(()) => {
                let ack = self.session.appended();
                self.send(to_edge::Message::Ack(ack)).await?;
                self.context.metrics.acks.inc();
                Ok(())
            }
            Err(refused @ Refused::TooLarge(_)) => {
                Err(End::Refused(protocol::malformed(&refused.to_string())))
            }
            Err(refused) => Err(End::Refused(protocol::log_unavailable(refused.to_string()))),
        }
    }

    async fn send(&mut self, message: to_edge::Message) -> Result<(), End> {
        let mut out = BytesMut::new();
        frame::write(&ToEdge { message: Some(message) }, MAX_FRAME_BYTES, &mut out)
            .expect("answers are small");
        self.sender.write_all(&out).await.map_err(|_| End::Gone)
    }

    async fn end(mut self, end: End) {
        self.context.edges.remove(&self.edge_id, self.connection.stable_id());
        self.context.metrics.edges.set(self.context.edges.len() as i64);
        if let Some(policy) = &self.policy {
            policy.abort();
        }
        let superseded = matches!(&end, End::Refused(refusal) if refusal.cause() == Cause::Superseded);
        let (code, reason) = match end {
            End::Gone => {
                tracing::info!(edge = self.edge_id, reason = ?self.connection.close_reason(), "edge gone");
                (0, "gone")
            }
            End::Stopping => {
                while let Some(Ok(answer)) = self.answers.next().await {
                    if self.answer(answer).await.is_err() {
                        break;
                    }
                }
                (0, "stopping")
            }
            End::Refused(refusal) => {
                tracing::warn!(edge = self.edge_id, cause = ?refusal.cause(), refusal.sentence, "edge refused");
                self.context.metrics.refused(refusal.cause());
                // The edge may be gone already.
                let _ = self.send(to_edge::Message::Refusal(refusal)).await;
                (1, "refused")
            }
        };
        // A close discards what was not yet received: wait until it was.
        let mut answered = false;
        if self.sender.finish().is_ok() {
            let received = timeout(LAST_FRAME_TIMEOUT, self.sender.stopped()).await;
            // It was received, or answered with a close.
            answered = matches!(received, Ok(Ok(_)))
                || matches!(self.connection.close_reason(), Some(ConnectionError::ApplicationClosed(_)));
        }
        if superseded
            && answered
            && let Some(newer) = self.context.edges.address(&self.edge_id)
        {
            let older = self.connection.remote_address();
            self.context.health.took_over(&self.edge_id, older, newer, now_ms());
        }
        self.connection.close(VarInt::from_u32(code), reason.as_bytes());
    }
}

/// Sends the policy when the connection begins and whenever it changes, on a stream of its own.
async fn send_policies(connection: Connection, context: Arc<IngestContext>) {
    let Ok(mut stream) = connection.open_uni().await else {
        return;
    };
    let mut policies: watch::Receiver<Arc<Policy>> = context.policy.clone();
    loop {
        let policy = Arc::clone(&policies.borrow_and_update());
        // Zero stands for "none yet".
        if policy.policy_id > 0 {
            let mut out = BytesMut::new();
            let message = ToEdge { message: Some(to_edge::Message::Policy(Policy::clone(&policy))) };
            if let Err(error) = frame::write(&message, MAX_POLICY_BYTES, &mut out) {
                tracing::error!(%error, "the policy cannot be sent");
            } else if stream.write_all(&out).await.is_err() {
                return;
            } else {
                context.metrics.policies.inc();
            }
        }
        if policies.changed().await.is_err() {
            return;
        }
    }
}

pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
