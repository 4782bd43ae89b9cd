//! Serves connections until told to stop, then drains: requests first, then counts, then the link, then the journal.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::edge::{Edge, Parts, PartsError, StartError};
use crate::{forward, health, routes, tally};

/// Longest wait for a request's head, and for the next request on an open connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Largest head of a request, bytes: a pixel carries two URLs in its own.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Longest wait for requests under way once the edge is told to stop.
const DRAIN: Duration = Duration::from_secs(8);
/// Wait after an accept that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens an edge and serves it on `listeners` until `shutdown`.
///
/// # Errors
/// [`RunError`].
pub async fn run(config: Config, listeners: Listeners, shutdown: CancellationToken) -> Result<(), RunError> {
    let parts = Parts::load(&config)?;
    let edge = spawn_blocking(move || Edge::open(config, parts)).await.map_err(|_| RunError::Panicked)??;
    serve(edge, listeners, shutdown).await
}

/// Where an edge is asked.
#[derive(Debug)]
pub struct Listeners {
    /// By browsers.
    pub http: TcpListener,
    /// By its operator.
    pub health: Option<TcpListener>,
}

/// Serves an open edge on `listeners` until `shutdown`, then drains and closes its journal.
///
/// # Errors
/// [`RunError`]. What was answered with success is on disk in every case.
pub async fn serve(
    edge: Arc<Edge>,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let Listeners { http: listener, health } = listeners;
    listener.set_nonblocking(true)?;
    let stop_background = CancellationToken::new();
    // Asked until the end of the drain, and on a thread that no visitor keeps busy.
    let health = health.map(|listener| serve_health(&edge, listener, stop_background.clone())).transpose()?;
    let background = thread_of("background", {
        let (edge, stop) = (Arc::clone(&edge), stop_background.clone());
        move |runtime| runtime.block_on(background(edge, stop))
    })?;
    // Shared by all workers: the bound is the process's.
    let room = Arc::new(Semaphore::new(edge.config.http.max_connections));
    let mut workers = Vec::new();
    for number in 0..edge.config.http.workers {
        let (edge, room, stop) = (Arc::clone(&edge), Arc::clone(&room), shutdown.clone());
        let listener = listener.try_clone()?;
        workers.push(thread_of(&format!("http-{number}"), move |runtime| {
            runtime.block_on(accept(edge, listener, room, stop))
        })?);
    }
    drop(listener);
    let served = spawn_blocking(move || join(workers)).await.map_err(|_| RunError::Panicked)?;
    stop_background.cancel();
    let rest = health.into_iter().chain([background]).collect();
    let settled = spawn_blocking(move || join(rest)).await.map_err(|_| RunError::Panicked)?;
    spawn_blocking(move || edge.journal.close()).await.map_err(|_| RunError::Panicked)?;
    served.and(settled)
}

fn serve_health(edge: &Arc<Edge>, listener: TcpListener, stop: CancellationToken) -> io::Result<Thread> {
    listener.set_nonblocking(true)?;
    let names = edge.config.health.as_ref().map(|health| health.names.clone()).unwrap_or_default();
    let edge = Arc::clone(edge);
    thread_of("health", move |runtime| runtime.block_on(health::serve(edge, names, listener, stop)))
}

/// A thread with an event loop of its own.
type Thread = thread::JoinHandle<io::Result<()>>;

fn thread_of(
    name: &str,
    work: impl FnOnce(&Runtime) -> io::Result<()> + Send + 'static,
) -> io::Result<Thread> {
    thread::Builder::new().name(format!("edge-{name}")).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        work(&runtime)
    })
}

fn join(threads: Vec<Thread>) -> Result<(), RunError> {
    for thread in threads {
        thread.join().map_err(|_| RunError::Panicked)??;
    }
    Ok(())
}

/// Everything but HTTP: the link to central, the flushing of counts, the turning of salts.
async fn background(edge: Arc<Edge>, stop: CancellationToken) -> io::Result<()> {
    tokio::join!(forward::run(&edge, &stop), tally::flusher::run(&edge, &stop));
    Ok(())
}

async fn accept(
    edge: Arc<Edge>,
    listener: TcpListener,
    room: Arc<Semaphore>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let graceful = GracefulShutdown::new();
    loop {
        // With all room taken, connections wait in the kernel's queue.
        let accepted = async {
            let place = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, peer)| (stream, peer, place))
        };
        let (stream, peer, place) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    edge.telemetry.accept_failures.inc();
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // A socket that died meanwhile fails at its first read.
        let _ = stream.set_nodelay(true);
        let serving = Arc::clone(&edge);
        let service = service_fn(move |request| {
            let edge = Arc::clone(&serving);
            async move { Ok::<_, Infallible>(routes::answer(edge, request, peer).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        let edge = Arc::clone(&edge);
        edge.telemetry.connections.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Without whose it was: no visitor's address stands in a log.
                tracing::debug!(%error, "connection ended");
            }
            edge.telemetry.connections.dec();
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way at the end of the drain");
    }
    Ok(())
}

/// Why an edge stopped before it was told to, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A named file is of no use. Permanent.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// Transient: a lock or a disk.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system refused a socket or a thread.
    #[error("the system refused: {0}")]
    Io(#[from] io::Error),
    /// A defect: part of the edge panicked.
    #[error("part of the edge panicked")]
    Panicked,
}
