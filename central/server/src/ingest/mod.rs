//! Central's end of the relay: QUIC from the edges into the log. It decodes no event, and nothing past it knows QUIC.

mod certificate_faults;
mod connection;
mod edge_registry;
pub mod endpoint;
mod health;
mod metrics;
pub mod protocol;
mod takeovers;

use std::sync::Arc;
use std::time::Duration;

use footfall_daemon::certificate::name;
use footfall_daemon::certificate::reason::Reason;
use footfall_proto::relay::Policy;
use quinn::{ConnectionError, Endpoint, Incoming, VarInt};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use endpoint::{EndpointError, Options};
pub use health::IngestHealth;
pub use metrics::Metrics;

use certificate_faults::{CertificateFault, Whose};
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
    health: IngestHealth,
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
            health: IngestHealth::default(),
            stop,
        }
    }

    /// What somebody should look at, filled while it serves.
    pub fn health(&self) -> IngestHealth {
        self.health.clone()
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
        let host = incoming.remote_address().ip();
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
                Ok(Err(Refused::Certificate(whose, reason))) => {
                    context.metrics.unidentified.inc();
                    context.metrics.certificate_refused(whose, reason);
                    let fault = CertificateFault { host: host.to_canonical().to_string(), whose, reason };
                    context.health.certificate_refused(fault, connection::now_ms());
                }
                Ok(Err(Refused::Other(reason))) => {
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

/// Why a connection was not let in.
enum Refused {
    Certificate(Whose, Reason),
    Other(String),
}

impl From<ConnectionError> for Refused {
    fn from(error: ConnectionError) -> Self {
        let (whose, code, detail) = match &error {
            ConnectionError::TransportError(found) => (Whose::Edge, found.code, found.reason.clone()),
            ConnectionError::ConnectionClosed(told) => {
                (Whose::Central, told.error_code, String::from_utf8_lossy(&told.reason).into_owned())
            }
            _ => return Self::Other(error.to_string()),
        };
        // The TLS alert in a QUIC error code: RFC 9001, 4.8.
        let alert = Some(u64::from(code)).filter(|code| (0x100..0x200).contains(code));
        let alert = alert.and_then(|code| u8::try_from(code & 0xff).ok());
        match alert.and_then(|alert| Reason::of_alert(alert, &detail)) {
            Some(reason) => Self::Certificate(whose, reason),
            None => Self::Other(error.to_string()),
        }
    }
}

/// Completes the handshake and says which edge it is.
async fn handshake(incoming: Incoming) -> Result<(quinn::Connection, String), Refused> {
    let connection = incoming.await?;
    let identity = connection
        .peer_identity()
        .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
    let certificate = identity.as_ref().and_then(|chain| chain.first());
    let certificate = certificate.ok_or(Refused::Certificate(Whose::Edge, Reason::Missing))?;
    match name::common_name(certificate) {
        Ok(edge_id) => Ok((connection, edge_id)),
        Err(error) => {
            let sentence =
                format!("the edge's certificate {error}: have one issued whose common name is the edge's id");
            connection.close(VarInt::from_u32(1), sentence.as_bytes());
            Err(Refused::Certificate(Whose::Edge, Reason::Unnamed))
        }
    }
}

#[cfg(test)]
mod tests;
