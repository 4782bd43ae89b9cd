//! Central's end of the relay: QUIC from the edges into the log. It decodes no event, and nothing past it knows QUIC.

mod connection;
mod edge_registry;
pub mod endpoint;
pub mod identity;
mod metrics;
pub mod protocol;

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

use edge_registry::EdgeRegistry;
use footfall_log::Log;

/// Plain bytes of all connections together that may wait for the log.
const MEMORY_BYTES: usize = 64 << 20;
/// Handshakes at a time above which a stranger must first prove its address.
const RETRY_ABOVE: usize = 32;
/// Most handshakes at a time; beyond, attempts are refused.
const MAX_HANDSHAKES: usize = 1024;
/// Most connections; beyond, attempts are refused.
const MAX_CONNECTIONS: usize = 4096;
/// How long edges may take to notice that the endpoint is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What every connection works with.
pub struct IngestContext {
    log: Log,
    policy: watch::Receiver<Arc<Policy>>,
    metrics: Metrics,
    memory: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    edges: EdgeRegistry,
    stop: CancellationToken,
}

impl IngestContext {
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
            edges: EdgeRegistry::default(),
            stop,
        }
    }
}

/// Accepts edges until told to stop; returns once what they sent is answered.
pub async fn serve(endpoint: Endpoint, context: IngestContext) {
    let context = Arc::new(context);
    let connections = TaskTracker::new();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = context.stop.cancelled() => None,
        };
        let Some(incoming) = incoming else { break };
        let running = MAX_HANDSHAKES - context.handshakes.available_permits();
        if running >= RETRY_ABOVE && !incoming.remote_address_validated() && incoming.may_retry() {
            context.metrics.retries.inc();
            incoming.retry().expect("it was asked whether it may");
            continue;
        }
        let permit = Arc::clone(&context.handshakes).try_acquire_owned();
        let Some(permit) = permit.ok().filter(|_| connections.len() < MAX_CONNECTIONS) else {
            incoming.refuse();
            continue;
        };
        let context = Arc::clone(&context);
        connections.spawn(async move {
            let greeted = tokio::select! {
                greeted = timeout(HANDSHAKE_TIMEOUT, handshake(incoming)) => greeted,
                // Nothing was promised before the handshake.
                () = context.stop.cancelled() => return,
            };
            drop(permit);
            match greeted {
                Ok(Ok((connection, edge_id))) => {
                    context.metrics.connections.inc();
                    connection::serve(connection, edge_id, context).await;
                }
                Ok(Err(reason)) => {
                    context.metrics.unidentified.inc();
                    // Anybody can make this happen as often as he likes: it is counted, and not told to everyone.
                    tracing::debug!(reason, "a connection was not let in");
                }
                Err(_) => {
                    context.metrics.unidentified.inc();
                }
            }
        });
    }
    endpoint.set_server_config(None);
    connections.close();
    connections.wait().await;
    endpoint.close(VarInt::from_u32(0), b"stopping");
    // An edge that does not answer any more is not waited for.
    let _ = timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
}

/// Completes the handshake and says which edge it is.
async fn handshake(incoming: Incoming) -> Result<(quinn::Connection, String), String> {
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
