//! The one loop that every sink runs in: begin, poll, write, retry, park what the store refuses, commit. Knows no store.

mod begin;
mod write_task;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use footfall_daemon::backoff::Backoff;
use footfall_daemon::status::Status;
use footfall_log::{Cursor, CursorError, Partition, RecordBatch};

use super::{Batcher, Begun, Counters, Sink, Span};
use begin::begin;
use write_task::{Delivered, WriteTask};

/// How long a runner waits for what; tests have less time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The first wait after a failure.
    pub first_wait: Duration,
    /// The longest.
    pub longest_wait: Duration,
    /// From one attempt at reading the log to the next.
    pub read_pause: Duration,
    /// Records that give the sink nothing to write are committed after this.
    pub quiet: Duration,
    /// How long sinks may take to write what the log holds; what remains is written after the next start.
    pub drain_timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(10),
            read_pause: Duration::from_secs(1),
            quiet: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

impl Pace {
    /// What a series of failures waits for.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.first_wait, self.longest_wait)
    }
}

/// What a sink runs with.
#[derive(Clone)]
pub struct Context {
    /// The partition that it stores.
    pub partition: Partition,
    /// Counts.
    pub counters: Counters,
    /// Told when something is wrong.
    pub status: Status,
    /// How long it waits.
    pub pace: Pace,
    /// Makes waits differ.
    pub seed: u64,
}

/// How sinks are told to end.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Write what the log holds, then end.
    pub drain: CancellationToken,
    /// End now.
    pub abandon: CancellationToken,
}

/// The records that were added to the batcher and not yet given to the writer.
struct Pending {
    span: Span,
    since: Instant,
}

/// Runs a sink on a partition until it is told to end: begins it, however long that takes, then stores what the log has.
///
/// # Panics
/// When the sink does; nothing of it writes any more by then, so that it can be started again.
pub async fn run<S: Sink>(sink: Arc<S>, context: Context, stop: Stop) {
    let own = Stop { drain: stop.drain, abandon: stop.abandon.child_token() };
    let writes = TaskTracker::new();
    let ended = AssertUnwindSafe(store(sink, context, own.clone(), &writes)).catch_unwind().await;
    own.abandon.cancel();
    writes.close();
    writes.wait().await;
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
}

async fn store<S: Sink>(sink: Arc<S>, context: Context, stop: Stop, writes: &TaskTracker) {
    let Some(begun) = begin(&*sink, &context, &stop).await else { return };
    let Begun { mut batcher, writer, cursor } = begun;
    let partition = S::HOLDS_LOG.then(|| context.partition.clone());
    let log_end = || partition.as_ref().map_or(0, Partition::end);
    let Pace { quiet, read_pause, .. } = context.pace;
    let mut committed = cursor.position();
    let (sender, mut records) = mpsc::channel(1);
    let _reading = AbortOnDropHandle::new(tokio::spawn(read_ahead(cursor, sender, read_pause)));
    let mut idle = Some(WriteTask::new::<S>(writer, context, stop.clone()));
    let mut busy: Option<JoinHandle<Delivered<S::Writer>>> = None;
    let mut pending: Option<Pending> = None;
    // What was read and has no room in the batch that is gathered.
    let mut rest: Option<RecordBatch> = None;
    let mut target = None;
    loop {
        if let Some(read) = rest.take_if(|_| !batcher.is_full()) {
            rest = take_in(&mut batcher, &read, &mut pending);
        }
        let now = Instant::now();
        let due = pending.as_ref().map(|pending| {
            if target.is_some() {
                return now;
            }
            batcher.due(log_end().saturating_sub(pending.span.next)).unwrap_or(pending.since + quiet)
        });
        if due.is_some_and(|due| due <= now)
            && let Some(task) = idle.take()
        {
            let Pending { span, .. } = pending.take().expect("something is due");
            busy = Some(writes.spawn(task.deliver(batcher.take(), span)));
            continue;
        }
        if pending.is_none() && busy.is_none() && target.is_some_and(|target| committed >= target) {
            break;
        }
        tokio::select! {
            read = records.recv(), if rest.is_none() && !batcher.is_full() => {
                let Some(read) = read else { break };
                rest = take_in(&mut batcher, &read, &mut pending);
            }
            done = async { busy.as_mut().expect("checked").await }, if busy.is_some() => {
                busy = None;
                let (task, next) = done.expect("writing does not panic");
                let Some(next) = next else { break };
                committed = next;
                idle = Some(task);
            }
            () = sleep_until(due.unwrap_or(now).into()), if due.is_some() && idle.is_some() => {}
            () = stop.drain.cancelled(), if target.is_none() => target = Some(log_end()),
            () = stop.abandon.cancelled() => break,
        }
    }
}

/// Adds what was read as far as there is room; returns the rest.
fn take_in<B: Batcher>(
    batcher: &mut B,
    read: &RecordBatch,
    pending: &mut Option<Pending>,
) -> Option<RecordBatch> {
    let now = Instant::now();
    let rest = batcher.add(read, now);
    let next = rest.as_ref().map_or(read.next(), RecordBatch::start);
    let span = Span { from: read.start(), next };
    pending.get_or_insert(Pending { span, since: now }).span.next = next;
    rest
}

/// Reads ahead of the sink, so that reading and writing overlap.
async fn read_ahead(mut cursor: Cursor, records: mpsc::Sender<RecordBatch>, pause: Duration) {
    loop {
        match cursor.next().await {
            Ok(read) => {
                if records.send(read).await.is_err() {
                    return;
                }
            }
            Err(CursorError::Closed) => return,
            Err(error @ CursorError::Storage(_)) => {
                tracing::error!(%error, "a sink cannot read on");
                sleep(pause).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
