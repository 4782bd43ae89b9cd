//! One edge's connection: moves bytes between the socket, the protocol and the log. Decides nothing that the protocol can decide.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use footfall_proto::frame;
use footfall_proto::limits::{MAX_FRAME_BYTES, MAX_HELLO_BYTES, MAX_POLICY_BYTES};
use footfall_proto::relay::refusal::Cause;
use footfall_proto::relay::{Batch, Policy, Refusal, ToCentral, ToEdge, to_edge};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt as _};
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::IngestContext;
use super::admission::Place;
use super::judgement::{self, Missing};
use super::protocol::{self, Action, Append, Session};
use footfall_log::{Appender, NewRecord, Refused};

/// How long a last frame may take to be received before the connection is closed over it.
const LAST_FRAME_TIMEOUT: Duration = Duration::from_secs(2);
/// Most bytes taken from the stream at once.
const READ_BYTES: usize = 256 << 10;
/// Bytes of a policy for which an edge has a second more to read it.
const POLICY_BYTES_PER_SECOND: usize = 64 << 10;

/// Serves the connection of `edge_id` until it ends.
pub(super) async fn serve(
    connection: Connection,
    edge_id: String,
    place: Place,
    context: Arc<IngestContext>,
) {
    // One for all that comes before the greeting, however it trickles.
    let hello_by = Instant::now() + context.patience.hello;
    let stream = tokio::select! {
        stream = connection.accept_bi() => stream.ok(),
        () = sleep_until(hello_by) => None,
        () = context.stop.cancelled() => return connection.close(VarInt::from_u32(0), b"stopping"),
    };
    let Some((sender, receiver)) = stream else {
        context.metrics.silent.inc();
        return connection.close(VarInt::from_u32(1), b"no stream");
    };
    let mut edge = EdgeConnection {
        connection: connection.clone(),
        sender,
        receiver,
        buffer: BytesMut::new(),
        session: Session::default(),
        hello_by,
        waiting: None,
        unjudged: None,
        missing: Missing::default(),
        answers: FuturesOrdered::new(),
        superseded: CancellationToken::new(),
        policy: None,
        appender: context.log.appender(&edge_id),
        edge_id,
        place,
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
    /// When it has to have greeted.
    hello_by: Instant,
    /// A batch that waits for its share of the memory.
    waiting: Option<Batch>,
    /// A batch that names a website which central does not know yet; nothing overtakes it.
    unjudged: Option<Unjudged>,
    missing: Missing,
    appender: Appender,
    answers: FuturesOrdered<JoinHandle<Result<(), Refused>>>,
    superseded: CancellationToken,
    policy: Option<JoinHandle<()>>,
    place: Place,
    context: Arc<IngestContext>,
}

/// A batch that waits for another look at the metadata.
struct Unjudged {
    append: Append,
    inflated: Inflated,
    look: BoxFuture<'static, bool>,
}

/// Bytes of a batch, and its share of the memory.
struct Inflated {
    bytes: u64,
    permit: OwnedSemaphorePermit,
}

/// How a connection comes to its end.
enum End {
    /// Lost, or closed by the edge.
    Gone,
    /// It did not greet in time.
    Silent,
    /// It did not read what it was told.
    Deaf,
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
                () = sleep_until(self.hello_by), if !self.session.is_greeted() => return End::Silent,
                looked = looked_again(&mut self.unjudged), if self.unjudged.is_some() => self.judge_again(looked),
                permit = Arc::clone(&self.context.memory).acquire_many_owned(share), if share > 0 => {
                    let permit = permit.expect("the budget is never closed");
                    if let Err(refusal) = self.append(permit) {
                        return End::Refused(refusal);
                    }
                }
                chunk = self.receiver.read_chunk(READ_BYTES, true), if share == 0 && self.takes_more() => {
                    match chunk {
                        Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                        Ok(None) | Err(_) => return End::Gone,
                    }
                }
            }
        }
    }

    /// Takes whole frames off the buffer until a batch waits.
    async fn parse(&mut self) -> Result<(), End> {
        while self.waiting.is_none() && self.takes_more() {
            let limit = if self.session.is_greeted() { MAX_FRAME_BYTES } else { MAX_HELLO_BYTES };
            let frame = frame::read::<ToCentral>(&mut self.buffer, limit)
                .map_err(|error| End::Refused(protocol::malformed(&error.to_string())))?;
            let Some(frame) = frame else { break };
            match self.session.receive(frame, now_ms()).map_err(End::Refused)? {
                Action::Greet { welcome, policy_id } => {
                    if !self.place.greet() {
                        let sentence = "central has no place for another edge".to_owned();
                        return Err(End::Refused(protocol::log_unavailable(sentence)));
                    }
                    self.connection.set_receive_window(VarInt::from_u32(MAX_FRAME_BYTES as u32));
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

    /// Whether another batch may be taken.
    fn takes_more(&self) -> bool {
        self.unjudged.is_none() && self.session.has_room()
    }

    fn append(&mut self, permit: OwnedSemaphorePermit) -> Result<(), Refusal> {
        let batch = self.waiting.take().expect("memory is asked for a batch that waits");
        let inflated = Inflated { bytes: u64::from(batch.plain_length), permit };
        let append = self.session.inflate(batch)?;
        let judged = self.judge(&append);
        if self.missing.is_new(&judged, now_ms()) {
            let look = Box::pin(self.context.sites.look_again(self.context.patience.look));
            self.unjudged = Some(Unjudged { append, inflated, look });
        } else {
            self.queue(append, judged, inflated);
        }
        Ok(())
    }

    /// The metadata was looked at again, or does not answer: what is not known by now is parked.
    fn judge_again(&mut self, looked: bool) {
        let Unjudged { append, inflated, .. } = self.unjudged.take().expect("a batch was waited for");
        let judged = self.judge(&append);
        if !looked {
            tracing::warn!(
                edge = self.edge_id,
                "the metadata does not answer: records of websites that are not known are parked"
            );
        }
        self.missing.remember(&judged, &self.context.sites.now(), now_ms());
        self.queue(append, judged, inflated);
    }

    fn judge(&self, append: &Append) -> Vec<NewRecord> {
        let sites = self.context.sites.now();
        judgement::judge_all(&append.records, &sites, self.context.window, now_ms())
    }

    fn queue(&mut self, append: Append, judged: Vec<NewRecord>, inflated: Inflated) {
        let Inflated { bytes, permit } = inflated;
        let count = judged.len() as u64;
        let parked: Vec<_> = judged.iter().filter_map(|new| new.parked).collect();
        self.context.health.parked(&self.edge_id, &parked, now_ms());
        let pending = self.appender.append(append.epoch, append.first_offset, judged);
        let metrics = self.context.metrics.clone();
        // A task of its own, so that the memory is given back even when this connection is gone.
        self.answers.push_back(tokio::spawn(async move {
            let answer = pending.await;
            drop(permit);
            if answer.is_ok() {
                metrics.batches.inc();
                metrics.records.inc_by(count);
                metrics.bytes.inc_by(bytes);
                for reason in parked {
                    metrics.parked(reason);
                }
            }
            answer
        }));
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
        match timeout(self.context.patience.write, self.sender.write_all(&out)).await {
            Ok(written) => written.map_err(|_| End::Gone),
            Err(_) => Err(End::Deaf),
        }
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
            End::Silent => {
                self.context.metrics.silent.inc();
                return self.connection.close(VarInt::from_u32(1), b"no greeting");
            }
            End::Deaf => {
                tracing::warn!(edge = self.edge_id, "the edge does not read what it is told");
                self.context.metrics.deaf.inc();
                return self.connection.close(VarInt::from_u32(1), b"answers are not read");
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
            } else {
                let patience = policy_patience(context.patience.write, out.len());
                match timeout(patience, stream.write_all(&out)).await {
                    Ok(Ok(())) => context.metrics.policies.inc(),
                    Ok(Err(_)) => return,
                    Err(_) => {
                        context.metrics.deaf.inc();
                        return connection.close(VarInt::from_u32(1), b"the policy is not read");
                    }
                };
            }
        }
        if policies.changed().await.is_err() {
            return;
        }
    }
}

/// How long an edge may take until there is room for the last byte of a policy.
fn policy_patience(least: Duration, bytes: usize) -> Duration {
    least + Duration::from_secs((bytes / POLICY_BYTES_PER_SECOND) as u64)
}

async fn looked_again(unjudged: &mut Option<Unjudged>) -> bool {
    match unjudged {
        Some(unjudged) => unjudged.look.as_mut().await,
        None => std::future::pending().await,
    }
}

pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
