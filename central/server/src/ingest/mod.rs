//! The relay's end: QUIC from the edges into the log. It decodes no event, and nothing past it knows QUIC.

mod connection;
pub mod endpoint;
pub mod identity;
mod metrics;
pub mod protocol;
mod roster;

use std::sync::Arc;
use std::time::Duration;

use footfall_proto::relay::Policy;
use quinn::{Endpoint, Incoming, VarInt};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use endpoint::{EndpointError, Options};
pub use metrics::Metrics;

use footfall_log::Log;
use roster::Roster;

/// Plain bytes of all connections together that may wait for the log.
const MEMORY_BYTES: usize = 64 << 20;
/// Handshakes at a time above which a stranger must first prove its address.
const BUSY: usize = 32;
/// Most handshakes at a time; beyond, attempts are refused.
const MAX_HANDSHAKES: usize = 1024;
/// Most connections; beyond, attempts are refused.
const MAX_CONNECTIONS: usize = 4096;
/// How long edges may take to take notice of the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What every connection works with.
pub struct Room {
    log: Log,
    policy: watch::Receiver<Arc<Policy>>,
    metrics: Metrics,
    memory: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    roster: Roster,
    stop: CancellationToken,
}

impl Room {
    /// Records go to `log`; edges are told `policy`; all ends with `stop`.
    pub fn new(
        log: Log,
        policy: watch::Receiver<Arc<Policy>>,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Self {
        Self {
            log,
            policy,
            metrics,
            memory: Arc::new(Semaphore::new(MEMORY_BYTES)),
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            roster: Roster::default(),
            stop,
        }
    }
}

/// Accepts edges until told to stop; returns once what they sent is answered.
pub async fn serve(endpoint: Endpoint, room: Room) {
    let room = Arc::new(room);
    let connections = TaskTracker::new();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = room.stop.cancelled() => None,
        };
        let Some(incoming) = incoming else { break };
        let running = MAX_HANDSHAKES - room.handshakes.available_permits();
        if running >= BUSY && !incoming.remote_address_validated() && incoming.may_retry() {
            room.metrics.retries.inc();
            incoming.retry().expect("it was asked whether it may");
            continue;
        }
        let permit = Arc::clone(&room.handshakes).try_acquire_owned();
        let Some(permit) = permit.ok().filter(|_| connections.len() < MAX_CONNECTIONS) else {
            incoming.refuse();
            continue;
        };
        let room = Arc::clone(&room);
        connections.spawn(async move {
            let shaken = tokio::select! {
                shaken = timeout(HANDSHAKE, shake(incoming)) => shaken,
                // Nothing was promised to who is still at the door.
                () = room.stop.cancelled() => return,
            };
            drop(permit);
            match shaken {
                Ok(Ok((connection, edge_id))) => {
                    room.metrics.connections.inc();
                    connection::serve(connection, edge_id, room).await;
                }
                Ok(Err(reason)) => {
                    room.metrics.unidentified.inc();
                    // Anybody can make this happen as often as he likes: it is counted, and not told to everyone.
                    tracing::debug!(reason, "a connection was not let in");
                }
                Err(_) => {
                    room.metrics.unidentified.inc();
                }
            }
        });
    }
    endpoint.set_server_config(None);
    connections.close();
    connections.wait().await;
    endpoint.close(VarInt::from_u32(0), b"stopping");
    // Who does not answer any more is not waited for.
    let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
}

/// Completes the handshake and says who came.
async fn shake(incoming: Incoming) -> Result<(quinn::Connection, String), String> {
    let connection = incoming.await.map_err(|error| error.to_string())?;
    let identity = connection
        .peer_identity()
        .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
    let certificate = identity.as_ref().and_then(|chain| chain.first()).ok_or("no client certificate")?;
    match identity::edge_id(certificate) {
        Ok(edge_id) => Ok((connection, edge_id)),
        Err(error) => {
            connection.close(VarInt::from_u32(1), error.to_string().as_bytes());
            Err(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests;
