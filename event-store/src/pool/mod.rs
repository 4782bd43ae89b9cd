//! Threads that own a connection each, in two lanes: readers without password cannot starve who has it, nor the reverse.
//!
//! Every queue is bounded: a lane has a fixed number of threads, at most [`WAITING`] requests wait for one, each for at
//! most [`Options::queue_time`]; beyond, the caller gets code 202.

mod cancel;
mod connection;
mod process_list;
mod query_status;

pub use connection::{Lease, Opener};
pub use process_list::{NamedRequest, Registry};
pub use query_status::Ticket;

use crate::access::Role;
use crate::engine::{Connection, Fault, Library, OpenError, code};
use crate::limits::WAITING;
use cancel::Order;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A setting that does nothing in an embedded engine (it filters logs sent to a native client) and shows in
/// `system.processes`: it carries a connection's mark, as query ids cannot be chosen here and `log_comment` is the client's.
pub const MARK_SETTING: &str = "send_logs_source_regexp";

/// What a thread does with its connection for one request.
pub type Work = Box<dyn FnOnce(&mut Lease, &Ticket) + Send>;

/// How many threads, and what their connections are opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads for requests without password.
    pub readers: usize,
    /// Threads for requests with it.
    pub writers: usize,
    /// How long a request may wait for one of its threads.
    pub queue_time: Duration,
    /// Arguments of every connection.
    pub arguments: Vec<String>,
    /// Further arguments of readers' connections: their limits.
    pub reader_arguments: Vec<String>,
    /// Statements run once, before anything is served.
    pub prepare: Vec<String>,
}

/// The threads.
pub struct Pool {
    readers: Lane,
    writers: Lane,
    orders: Sender<Order>,
    registry: Arc<Registry>,
    threads: Vec<JoinHandle<()>>,
    canceller: JoinHandle<()>,
}

struct Lane {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue_time: Duration,
    jobs: Sender<Job>,
}

struct Job {
    number: u64,
    ticket: Arc<Ticket>,
    work: Work,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// Opens the engine, prepares it and starts the threads. Blocks until the engine is open.
    pub fn start(library: &'static Library, options: &Options) -> Result<Self, StartError> {
        let marks = Arc::new(AtomicU64::new(0));
        let (orders, taken) = mpsc::channel();
        let canceller = anchor(library, options, taken)?;
        let registry = Arc::default();
        let mut threads = Vec::new();
        let mut lane = |name: &str, count: usize, arguments: Vec<String>| {
            let kind = Opener { library, arguments: arguments.into(), marks: Arc::clone(&marks) };
            let (jobs, queue) = mpsc::channel();
            let queue = Arc::new(Mutex::new(queue));
            for number in 0..count {
                let (queue, registry, kind) = (Arc::clone(&queue), Arc::clone(&registry), kind.clone());
                let thread = std::thread::Builder::new().name(format!("{name}-{number}"));
                threads
                    .push(thread.spawn(move || serve(&queue, &registry, kind)).map_err(StartError::Thread)?);
            }
            Ok::<Lane, StartError>(Lane {
                permits: Arc::new(Semaphore::new(count)),
                waiting: AtomicUsize::new(0),
                queue_time: options.queue_time,
                jobs,
            })
        };
        let writers = lane("writer", options.writers, options.arguments.clone())?;
        let limited = [options.arguments.as_slice(), options.reader_arguments.as_slice()].concat();
        let readers = lane("reader", options.readers, limited)?;
        Ok(Self { readers, writers, orders, registry, threads, canceller })
    }

    /// Hands work to a thread of the caller's lane, waiting for a free one. Dropping what it gives cancels the work.
    pub async fn run(&self, role: Role, query_id: Option<String>, work: Work) -> Result<Running, Fault> {
        let lane = match role {
            Role::Reader => &self.readers,
            Role::Writer => &self.writers,
        };
        let permit = lane.admit().await?;
        let (number, ticket) = self.registry.issue(query_id);
        let job = Job { number, ticket: Arc::clone(&ticket), work, _permit: permit };
        if lane.jobs.send(job).is_err() {
            self.registry.forget(number);
            return Err(Fault::new(code::ABORTED, "ABORTED", "The server is stopping"));
        }
        Ok(Running { ticket, orders: Some(self.orders.clone()) })
    }

    /// The requests that are known.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// Ends what still runs, closes the connections and joins the threads, for at most `patience`. `false`: not all ended.
    pub fn stop(self, patience: Duration) -> bool {
        for ticket in &self.registry.tickets() {
            ticket.abandon();
            // The receiver lives as long as the thread that is joined below.
            let _ = self.orders.send(Order::Force(Arc::clone(ticket)));
        }
        drop((self.readers, self.writers));
        let deadline = Instant::now() + patience;
        let all_ended = |threads: &[JoinHandle<()>]| {
            while !threads.iter().all(JoinHandle::is_finished) {
                if Instant::now() >= deadline {
                    return false;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            true
        };
        let ended = all_ended(&self.threads);
        drop(self.orders);
        all_ended(std::slice::from_ref(&self.canceller)) && ended
    }
}

impl Lane {
    async fn admit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        struct Waiter<'l>(&'l AtomicUsize);
        impl Drop for Waiter<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let busy = || {
            let message = "Too many simultaneous queries: every thread is taken";
            Fault::new(code::TOO_MANY_SIMULTANEOUS_QUERIES, "TOO_MANY_SIMULTANEOUS_QUERIES", message)
        };
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiter = Waiter(&self.waiting);
        if before >= WAITING {
            return Err(busy());
        }
        match tokio::time::timeout(self.queue_time, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(busy()),
        }
    }
}

/// Work under way. Dropped before [`Running::finished`], it is cancelled.
pub struct Running {
    ticket: Arc<Ticket>,
    orders: Option<Sender<Order>>,
}

impl Running {
    /// The same work, which goes on when this is dropped.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.orders = None;
        self
    }

    /// Its answer is complete: there is nothing to cancel.
    pub fn finished(mut self) {
        self.orders = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(orders) = self.orders.take() {
            self.ticket.abandon();
            // No receiver: the process is stopping and ends everything itself.
            let _ = orders.send(Order::Cancel(Arc::clone(&self.ticket)));
        }
    }
}

/// One thread of a lane, until the lane is closed.
fn serve(queue: &Mutex<Receiver<Job>>, registry: &Registry, opener: Opener) {
    let mut lease = Lease::new(opener);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { number, ticket, work, _permit }) = job else {
            return;
        };
        if !ticket.is_abandoned()
            && std::panic::catch_unwind(AssertUnwindSafe(|| work(&mut lease, &ticket))).is_err()
        {
            // The panic has been printed; its client sees a closed channel. The connection's state is unknown.
            lease.retire();
        }
        ticket.end();
        registry.forget(number);
    }
}

/// Opens the first connection on the thread that keeps it (the engine must not see the main thread's stack: reading its
/// bounds takes /proc, which a confined process cannot read).
fn anchor(
    library: &'static Library,
    options: &Options,
    taken: Receiver<Order>,
) -> Result<JoinHandle<()>, StartError> {
    let (ready, opened) = mpsc::channel();
    let (arguments, prepare) = (options.arguments.clone(), options.prepare.clone());
    let thread = std::thread::Builder::new().name("canceller".into()).spawn(move || {
        let prepared =
            Connection::open(library, &arguments).map_err(StartError::from).and_then(|mut connection| {
                for sql in &prepare {
                    connection.query(sql.as_bytes(), "Null", &[])?;
                }
                Ok(connection)
            });
        match prepared {
            Ok(connection) => {
                // Nobody to tell means that the start was given up.
                if ready.send(Ok(())).is_ok() {
                    cancel::run(connection, &taken);
                }
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    });
    let thread = thread.map_err(StartError::Thread)?;
    opened.recv().unwrap_or(Err(StartError::Open(OpenError::Refused)))?;
    Ok(thread)
}

/// Why the engine could not be started. Permanent, but for a thread that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine opened no connection.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It refused what prepares it.
    #[error("the engine refused to prepare its database: {0}")]
    Prepare(#[from] Fault),
    /// The system gave no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

#[cfg(test)]
mod a_lane_without_a_free_thread {
    use super::*;

    const AN_HOUR: Duration = Duration::from_hours(1);

    fn lane(queue_time: Duration) -> Arc<Lane> {
        let (jobs, _) = mpsc::channel();
        let permits = Arc::new(Semaphore::new(1));
        Arc::new(Lane { permits, waiting: AtomicUsize::new(0), queue_time, jobs })
    }

    #[tokio::test]
    async fn lets_a_request_wait_as_long_as_it_is_told() {
        let lane = lane(Duration::from_millis(30));
        let _taken = lane.admit().await.expect("one is free");
        let begun = Instant::now();
        assert_eq!(lane.admit().await.expect_err("none is free").code, code::TOO_MANY_SIMULTANEOUS_QUERIES);
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }

    #[tokio::test]
    async fn gives_the_next_free_one_to_who_waits() {
        let lane = lane(AN_HOUR);
        let taken = lane.admit().await.expect("one is free");
        let (admitted, ()) = tokio::join!(lane.admit(), async { drop(taken) });
        drop(admitted.expect("it waited until one was free"));
    }

    #[tokio::test]
    async fn refuses_at_once_when_many_wait_already() {
        let lane = lane(AN_HOUR);
        let _taken = lane.admit().await.expect("one is free");
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..WAITING {
            let lane = Arc::clone(&lane);
            waiting.spawn(async move { lane.admit().await });
        }
        while lane.waiting.load(Ordering::Relaxed) < WAITING {
            tokio::task::yield_now().await;
        }
        let refused = tokio::time::timeout(Duration::from_secs(20), lane.admit()).await.expect("at once");
        assert_eq!(refused.expect_err("too many wait").code, code::TOO_MANY_SIMULTANEOUS_QUERIES);
        waiting.abort_all();
        while waiting.join_next().await.is_some() {}
        assert_eq!(lane.waiting.load(Ordering::Relaxed), 0, "who has gone does not wait");
    }
}
