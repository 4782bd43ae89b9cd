//! Threads that own a connection each, in three groups ([`Lane`]): who has no password cannot starve who has it, and of those
//! what reads and what writes cannot starve each other.
//!
//! Every queue is bounded: a group has a fixed number of threads, at most [`WAITING`] requests wait for one, each for at most
//! [`Options::queue_time`]; beyond that the caller gets code 202.

mod cancel;
mod connection;
mod mark;
mod process_list;
mod query_status;

pub use connection::{ConnectionOpener, PooledConnection};
pub use mark::{Mark, SELECT_RUNNING};
pub use process_list::{NamedQuery, ProcessList};
pub use query_status::QueryStatus;

use crate::engine::{Connection, Exception, Library, OpenError, code};
use crate::limits::{STACK_BYTES, WAITING};
use cancel::Cancel;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a thread does with its connection for one request.
pub type Work = Box<dyn FnOnce(&mut PooledConnection, &QueryStatus) + Send>;

/// Which threads a statement runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those for requests without password.
    Readers,
    /// Those for what reads only, asked with it.
    OwnReaders,
    /// Those for all else that is asked with it.
    Writers,
}

/// How many threads, and what their connections are opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads for requests without password.
    pub readers: usize,
    /// Threads for what reads only, asked with it.
    pub own_readers: usize,
    /// Threads for all else that is asked with it.
    pub writers: usize,
    /// How long a request may wait for one of its threads.
    pub queue_time: Duration,
    /// Arguments of every connection.
    pub arguments: Vec<String>,
    /// Further arguments of connections for requests without password: their limits.
    pub reader_arguments: Vec<String>,
    /// Statements that each of these begins with.
    pub reader_prepare: Vec<String>,
    /// What no caller can guess: it stands in the marks of statements, see [`Mark`].
    pub secret: String,
    /// Statements run once, before anything is served.
    pub prepare: Vec<String>,
}

/// The threads.
pub struct Pool {
    readers: Workers,
    own_readers: Workers,
    writers: Workers,
    cancellations: Sender<Cancel>,
    process_list: Arc<ProcessList>,
    threads: Vec<JoinHandle<()>>,
    canceller: JoinHandle<()>,
}

/// The threads of one lane and their queue.
struct Workers {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue_time: Duration,
    jobs: Sender<Job>,
}

struct Job {
    number: u64,
    query: Arc<QueryStatus>,
    work: Work,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// Opens the engine, prepares it and starts the threads. Blocks until the engine is open.
    pub fn start(library: &'static Library, options: &Options) -> Result<Self, StartError> {
        let (cancellations, receiver) = mpsc::channel();
        let canceller = start_canceller(library, options, receiver)?;
        let process_list = Arc::new(ProcessList::new(options.secret.clone()));
        let mut threads = Vec::new();
        let mut workers = |name: &str, count: usize, arguments: Vec<String>, prepare: &[String]| {
            let kind = ConnectionOpener { library, arguments: arguments.into(), prepare: prepare.into() };
            let (jobs, queue) = mpsc::channel();
            let queue = Arc::new(Mutex::new(queue));
            for number in 0..count {
                let (queue, process_list, kind) =
                    (Arc::clone(&queue), Arc::clone(&process_list), kind.clone());
                let thread =
                    std::thread::Builder::new().name(format!("{name}-{number}")).stack_size(STACK_BYTES);
                threads.push(
                    thread
                        .spawn(move || run_thread(&queue, &process_list, kind))
                        .map_err(StartError::Thread)?,
                );
            }
            Ok::<Workers, StartError>(Workers {
                permits: Arc::new(Semaphore::new(count)),
                waiting: AtomicUsize::new(0),
                queue_time: options.queue_time,
                jobs,
            })
        };
        let writers = workers("writer", options.writers, options.arguments.clone(), &[])?;
        let own_readers = workers("own-reader", options.own_readers, options.arguments.clone(), &[])?;
        let limited = [options.arguments.as_slice(), options.reader_arguments.as_slice()].concat();
        let readers = workers("reader", options.readers, limited, &options.reader_prepare)?;
        Ok(Self { readers, own_readers, writers, cancellations, process_list, threads, canceller })
    }

    /// Gives work to a free thread of the lane, waiting for one. Dropping the guard cancels the work.
    pub async fn run(
        &self,
        lane: Lane,
        query_id: Option<String>,
        work: Work,
    ) -> Result<QueryGuard, Exception> {
        let workers = match lane {
            Lane::Readers => &self.readers,
            Lane::OwnReaders => &self.own_readers,
            Lane::Writers => &self.writers,
        };
        let permit = workers.acquire().await?;
        let (number, query) = self.process_list.insert(query_id);
        let job = Job { number, query: Arc::clone(&query), work, _permit: permit };
        if workers.jobs.send(job).is_err() {
            self.process_list.remove(number);
            return Err(Exception::new(code::ABORTED, "ABORTED", "The server is stopping"));
        }
        Ok(QueryGuard { query, cancellations: Some(self.cancellations.clone()) })
    }

    /// The queries that wait or run.
    pub fn process_list(&self) -> Arc<ProcessList> {
        Arc::clone(&self.process_list)
    }

    /// Ends what still runs, closes the connections and joins the threads, for at most `time_limit`. `false`: not all ended.
    pub fn stop(self, time_limit: Duration) -> bool {
        for query in &self.process_list.queries() {
            query.abandon();
            // The receiver lives as long as the thread that is joined below.
            let _ = self.cancellations.send(Cancel::Always(Arc::clone(query)));
        }
        drop((self.readers, self.own_readers, self.writers));
        let deadline = Instant::now() + time_limit;
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
        drop(self.cancellations);
        all_ended(std::slice::from_ref(&self.canceller)) && ended
    }
}

impl Workers {
    async fn acquire(&self) -> Result<OwnedSemaphorePermit, Exception> {
        struct Waiter<'l>(&'l AtomicUsize);
        impl Drop for Waiter<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let busy = || {
            let message = "Too many simultaneous queries: every thread is taken";
            Exception::new(code::TOO_MANY_SIMULTANEOUS_QUERIES, "TOO_MANY_SIMULTANEOUS_QUERIES", message)
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

/// A query that waits or runs. Dropped before [`QueryGuard::finished`], it is cancelled.
pub struct QueryGuard {
    query: Arc<QueryStatus>,
    cancellations: Option<Sender<Cancel>>,
}

impl QueryGuard {
    /// The same work, which goes on when this is dropped.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.cancellations = None;
        self
    }

    /// Its response is complete: there is nothing to cancel.
    pub fn finished(mut self) {
        self.cancellations = None;
    }
}

impl Drop for QueryGuard {
    fn drop(&mut self) {
        if let Some(cancellations) = self.cancellations.take() {
            self.query.abandon();
            // No receiver: the process is stopping and ends everything itself.
            let _ = cancellations.send(Cancel::IfReading(Arc::clone(&self.query)));
        }
    }
}

/// One thread of the pool, until its queue is closed.
fn run_thread(queue: &Mutex<Receiver<Job>>, process_list: &ProcessList, opener: ConnectionOpener) {
    let mut connection = PooledConnection::new(opener);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { number, query, work, _permit }) = job else {
            return;
        };
        if !query.is_abandoned()
            && std::panic::catch_unwind(AssertUnwindSafe(|| work(&mut connection, &query))).is_err()
        {
            // The panic has been printed; its client sees a closed channel. The connection's state is unknown.
            connection.close();
        }
        query.end();
        process_list.remove(number);
    }
}

/// Opens the first connection on the thread that keeps it (the engine must not see the main thread's stack: reading its
/// bounds takes /proc, which a confined process cannot read).
fn start_canceller(
    library: &'static Library,
    options: &Options,
    receiver: Receiver<Cancel>,
) -> Result<JoinHandle<()>, StartError> {
    let (ready, opened) = mpsc::channel();
    let (arguments, prepare) = (options.arguments.clone(), options.prepare.clone());
    let thread = std::thread::Builder::new().name("canceller".into()).stack_size(STACK_BYTES);
    let thread = thread.spawn(move || {
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
                    cancel::run(connection, &receiver);
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
    Prepare(#[from] Exception),
    /// The operating system gave no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

#[cfg(test)]
mod without_a_free_thread {
    use super::*;

    const AN_HOUR: Duration = Duration::from_hours(1);

    fn workers(queue_time: Duration) -> Arc<Workers> {
        let (jobs, _) = mpsc::channel();
        let permits = Arc::new(Semaphore::new(1));
        Arc::new(Workers { permits, waiting: AtomicUsize::new(0), queue_time, jobs })
    }

    #[tokio::test]
    async fn lets_a_request_wait_as_long_as_it_is_told() {
        let workers = workers(Duration::from_millis(30));
        let _taken = workers.acquire().await.expect("one is free");
        let begun = Instant::now();
        assert_eq!(
            workers.acquire().await.expect_err("none is free").code,
            code::TOO_MANY_SIMULTANEOUS_QUERIES
        );
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }

    #[tokio::test]
    async fn gives_the_next_free_one_to_who_waits() {
        let workers = workers(AN_HOUR);
        let taken = workers.acquire().await.expect("one is free");
        let (admitted, ()) = tokio::join!(workers.acquire(), async { drop(taken) });
        drop(admitted.expect("it waited until one was free"));
    }

    #[tokio::test]
    async fn refuses_at_once_when_many_wait_already() {
        let workers = workers(AN_HOUR);
        let _taken = workers.acquire().await.expect("one is free");
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..WAITING {
            let workers = Arc::clone(&workers);
            waiting.spawn(async move { workers.acquire().await });
        }
        while workers.waiting.load(Ordering::Relaxed) < WAITING {
            tokio::task::yield_now().await;
        }
        let refused =
            tokio::time::timeout(Duration::from_secs(20), workers.acquire()).await.expect("at once");
        assert_eq!(refused.expect_err("too many wait").code, code::TOO_MANY_SIMULTANEOUS_QUERIES);
        waiting.abort_all();
        while waiting.join_next().await.is_some() {}
        assert_eq!(workers.waiting.load(Ordering::Relaxed), 0, "who has gone does not wait");
    }
}
