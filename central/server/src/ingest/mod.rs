//! Central's end of the relay: QUIC from the edges into the log. It decodes no event, and nothing past it knows QUIC. What a record says
//! that an edge cannot know is decided here, once ([`judgement`]).

mod admission;
mod certificate_faults;
mod connection;
mod edge_registry;
pub mod endpoint;
mod health;
pub mod judgement;
mod known_sites;
mod metrics;
mod parked_records;
mod places;
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
pub use judgement::ReceiptWindow;
pub use metrics::Metrics;

use admission::Admission;
use certificate_faults::{CertificateFault, Whose};
use edge_registry::EdgeRegistry;
use footfall_log::Log;
use known_sites::KnownSites;
use places::{Answer, Limits};

/// Plain bytes of all connections together that may wait for the log.
const MEMORY_BYTES: usize = 64 << 20;
/// How long edges may take to notice that the endpoint is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long whoever is at the other end may take for what.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For the whole handshake.
    handshake: Duration,
    /// For the whole greeting after it, however its bytes come.
    hello: Duration,
    /// Until there is room for an answer, or for the beginning of a policy.
    write: Duration,
    /// For a look at the metadata.
    look: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Self { handshake: ten, hello: ten, write: ten, look: Duration::from_secs(3) }
    }
}

/// What every connection works with.
pub struct IngestContext {
    log: Log,
    policy: watch::Receiver<Arc<Policy>>,
    sites: KnownSites,
    window: ReceiptWindow,
    metrics: Metrics,
    memory: Arc<Semaphore>,
    admission: Admission,
    patience: Patience,
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
            sites: KnownSites::new(policy.clone(), None),
            policy,
            window: ReceiptWindow::default(),
            metrics,
            memory: Arc::new(Semaphore::new(MEMORY_BYTES)),
            admission: Admission::new(Limits::default()),
            patience: Patience::default(),
            edges: EdgeRegistry::default(),
            health: IngestHealth::default(),
            stop,
        }
    }

    /// Before a website is taken for missing, waits for another look at the metadata, of which `looks` counts those that have ended.
    #[must_use]
    pub fn looking_again(mut self, looks: watch::Receiver<u64>) -> Self {
        self.sites = KnownSites::new(self.policy.clone(), Some(looks));
        self
    }

    /// Believes these receipt times.
    #[must_use]
    pub fn believing(mut self, window: ReceiptWindow) -> Self {
        self.window = window;
        self
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
        let host = incoming.remote_address().ip();
        let proven = incoming.remote_address_validated() || !incoming.may_retry();
        let place = match context.admission.enter(host, proven) {
            Ok(place) => place,
            Err(Answer::Prove) => {
                context.metrics.retries.inc();
                incoming.retry().expect("it was asked whether it may");
                continue;
            }
            Err(_) => {
                context.metrics.turned_away.inc();
                incoming.refuse();
                continue;
            }
        };
        let context = Arc::clone(&context);
        connections.spawn(async move {
            let shaken = tokio::select! {
                shaken = timeout(context.patience.handshake, handshake(incoming)) => shaken,
                // Nothing was promised before the handshake.
                () = context.stop.cancelled() => return,
            };
            match shaken {
                Ok(Ok((connection, edge_id))) => {
                    context.metrics.connections.inc();
                    connection::serve(connection, edge_id, place, context).await;
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
