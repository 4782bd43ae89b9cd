//! Serves connections until told to stop, then drains: requests first, then counts, then the link, then the journal.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use footfall_daemon::descriptors::{self, most_connections};
use footfall_http_server::{Limits, Peer, Server};
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Http};
use crate::edge::{Edge, Parts, PartsError, StartError};
use crate::{forward, health, routes, tally};

/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Largest head of a request, bytes: a pixel carries two URLs in its own.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Longest wait for requests under way once the edge is told to stop.
const DRAIN: Duration = Duration::from_secs(8);

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
    // Shared by all workers: the bounds are the process's.
    let peers = edge.peers.clone();
    let server = Server::new(
        limits(&edge.config.http),
        move |address| peers.is_trusted(address),
        edge.telemetry.http.clone(),
    );
    let mut workers = Vec::new();
    for number in 0..edge.config.http.workers {
        let (edge, server, stop) = (Arc::clone(&edge), server.clone(), shutdown.clone());
        let listener = listener.try_clone()?;
        workers.push(thread_of(&format!("http-{number}"), move |runtime| {
            runtime.block_on(accept(edge, server, listener, stop))
        })?);
    }
    drop(listener);
    let joined = spawn_blocking(move || join(workers)).await.map_err(|_| RunError::Panicked)?;
    stop_background.cancel();
    let rest = health.into_iter().chain([background]).collect();
    let settled = spawn_blocking(move || join(rest)).await.map_err(|_| RunError::Panicked)?;
    spawn_blocking(move || edge.journal.close()).await.map_err(|_| RunError::Panicked)?;
    joined.and(settled)
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

/// The bounds of the listener that browsers reach.
fn limits(http: &Http) -> Limits {
    let connections = most_connections(descriptors::limit(), http.max_connections);
    Limits {
        per_address: http.max_connections_per_address,
        head_bytes: MAX_HEAD_BYTES,
        headers: MAX_HEADERS,
        drain: DRAIN,
        ..Limits::of(connections)
    }
}

/// One thread's share of the listener.
async fn accept(
    edge: Arc<Edge>,
    server: Server,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let answer = move |request, peer: Peer| routes::answer(Arc::clone(&edge), request, peer.address);
    server.serve(listener, answer, shutdown).await;
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
