//! Accepts connections, watches them, and drains.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use footfall_daemon::repeated::Repeated;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::body::{RequestBody, ResponseBody};
use crate::connection::Connection;
use crate::limits::{ACCEPT_PAUSE, Limits, SWEEP};
use crate::metrics::Metrics;
use crate::open::Open;
use crate::peer::Peer;
use crate::stream::Stream;

/// What a client reads that is not let in, if it reads before its connection is gone.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A listener's bounds and open connections. Clones share them: several threads may serve one listener.
#[derive(Clone, Debug)]
pub struct Server {
    open: Arc<Open>,
    began: Instant,
}

impl Server {
    /// Serves within `limits`. Connections from `exempt` addresses, which are trusted proxies, do not count for their address. Needs a
    /// runtime only where it serves.
    pub fn new(
        limits: Limits,
        exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
        metrics: Metrics,
    ) -> Self {
        Self { open: Open::new(limits, Box::new(exempt), metrics), began: Instant::now() }
    }

    /// Answers every request of `listener` by `service` until `stop`, then lets requests that are under way end, for so long, and ends
    /// the rest.
    pub async fn serve<S, F, B>(&self, listener: TcpListener, service: S, stop: CancellationToken)
    where
        S: Fn(Request<RequestBody>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let graceful = GracefulShutdown::new();
        let sweeper = AbortOnDropHandle::new(tokio::spawn(self.clone().watch()));
        let mut failures = Repeated::new();
        loop {
            let (stream, address) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, or a connection that ended in the queue: neither ends the server.
                        self.open.metrics.accept_failures.inc();
                        if let Some(times) = failures.note(std::time::Instant::now()) {
                            tracing::warn!(%error, times, "connections could not be accepted");
                        }
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let Ok(connection) = self.open.admit(address.ip()) else {
                refuse(&stream);
                continue;
            };
            // A socket that died meanwhile fails at its first read.
            let _ = stream.set_nodelay(true);
            let stream = Stream::new(stream, Arc::clone(&connection), &self.open.limits);
            let peer = Peer { address, connection: Arc::clone(&connection), open: Arc::clone(&self.open) };
            let service = service.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let (service, peer) = (service.clone(), peer.clone());
                async move { Ok::<_, Infallible>(answer(service, request, peer).await) }
            });
            let http = http1::Builder::new()
                // The watch has deadlines for heads.
                .header_read_timeout(None)
                .max_headers(self.open.limits.headers)
                .max_buf_size(self.open.limits.head_bytes)
                .serve_connection(TokioIo::new(stream), answer);
            let http = graceful.watch(http);
            let leaving = Leaving { open: Arc::clone(&self.open), connection };
            tokio::spawn(async move {
                tokio::select! {
                    ended = http => if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    },
                    () = leaving.connection.ended() => {}
                }
                drop(leaving);
            });
        }
        drop(listener);
        if timeout(self.open.limits.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!(
                "requests were still under way at the end of the drain: their connections are closed"
            );
            self.open.end_all();
        }
        drop(sweeper);
    }

    async fn watch(self) {
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.open.sweep(self.began.elapsed().as_millis() as u64);
        }
    }
}

async fn answer<S, F, B>(service: S, request: Request<Incoming>, peer: Peer) -> Response<ResponseBody<B>>
where
    S: Fn(Request<RequestBody>, Peer) -> F,
    F: Future<Output = Response<B>>,
{
    let connection = Arc::clone(&peer.connection);
    connection.request_begins();
    let request =
        request.map(|incoming| RequestBody::new(incoming, Arc::clone(&connection), &peer.open.limits));
    let mut response = service(request, peer).await;
    if connection.is_on_trial() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| ResponseBody::new(body, connection))
}

/// Best effort: a client whose buffer does not take it sees its connection end.
fn refuse(stream: &TcpStream) {
    let _ = stream.try_write(FULL);
}

/// Gives a connection's place back, however its task ends.
struct Leaving {
    open: Arc<Open>,
    connection: Arc<Connection>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.open.leave(&self.connection);
    }
}
