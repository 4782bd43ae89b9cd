//! The one loop that every sink runs in: poll, write, retry, park what is poison, commit. Knows no store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::{Counters, Sink, Span, Writer};
use footfall_daemon::fault::Fault;
use footfall_log::{Cursor, CursorError, Partition, Poison, RecordBatch};

/// From one attempt at reading the log to the next.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// A sink that failed so often in a row is no longer ready.
const PATIENCE: u32 = 3;
/// A stretch of the log that gives the sink nothing to write is committed after this.
const QUIET: Duration = Duration::from_secs(1);
/// Most unreadable things gathered for one batch.
const MAX_POISON: usize = 1000;

/// Where a sink begins, and what it works with.
pub struct Begin {
    /// The partition, when the sink's commits are to be kept and what cannot be read is to be parked; nothing for a sink whose store is
    /// gone with the process.
    pub keep: Option<Partition>,
    /// Reads the log.
    pub cursor: Cursor,
    /// Counts.
    pub counters: Counters,
    /// Told when something is wrong.
    pub health: Health,
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

/// How a sink is; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Option<String>>>);

impl Health {
    /// It ended although nobody told it to.
    pub fn ended(&self, sink: &str) {
        self.set(Some(format!("the {sink} sink has ended")));
    }

    /// It does not do its work, in a sentence.
    pub fn fails(&self, sentence: String) {
        self.set(Some(sentence));
    }

    /// It does.
    pub fn recovered(&self) {
        self.set(None);
    }

    /// What is wrong with it.
    pub fn fault(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, fault: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// What was gathered and not yet given to the writer.
struct Gathered {
    span: Span,
    poison: Vec<Poison>,
    since: Instant,
}

/// Runs a sink until it is told to end.
pub async fn run<S, W>(mut sink: S, writer: W, begin: Begin, stop: Stop)
where
    S: Sink,
    W: Writer<Load = S::Load>,
{
    let Begin { keep, cursor, counters, health, seed } = begin;
    let mut committed = cursor.position();
    let (sender, mut pieces) = mpsc::channel(1);
    let pump = tokio::spawn(pump(cursor, sender));
    let mut idle =
        Some(Hand { name: S::NAME, writer, keep: keep.clone(), counters, health, seed, stop: stop.clone() });
    let mut busy: Option<JoinHandle<(Hand<W>, Option<u64>)>> = None;
    let mut gathered: Option<Gathered> = None;
    let mut target = None;
    loop {
        let now = Instant::now();
        let due = gathered.as_ref().map(|gathered| {
            if target.is_some() {
                return now;
            }
            let backlog = keep.as_ref().map_or(0, Partition::end).saturating_sub(gathered.span.next);
            sink.due(backlog).unwrap_or(gathered.since + QUIET)
        });
        if due.is_some_and(|due| due <= now)
            && let Some(hand) = idle.take()
        {
            let batch = gathered.take().expect("something is due");
            busy = Some(tokio::spawn(hand.deliver(sink.seal(), batch)));
            continue;
        }
        let full =
            sink.is_full() || gathered.as_ref().is_some_and(|gathered| gathered.poison.len() >= MAX_POISON);
        if gathered.is_none() && busy.is_none() && target.is_some_and(|target| committed >= target) {
            break;
        }
        tokio::select! {
            piece = pieces.recv(), if !full => {
                let Some(piece) = piece else { break };
                gather(&mut sink, &mut gathered, &piece);
            }
            done = async { busy.as_mut().expect("checked").await }, if busy.is_some() => {
                busy = None;
                let (hand, next) = done.expect("writing does not panic");
                let Some(next) = next else { break };
                committed = next;
                idle = Some(hand);
            }
            () = sleep_until(due.unwrap_or(now).into()), if due.is_some() && idle.is_some() => {}
            () = stop.drain.cancelled(), if target.is_none() => {
                target = Some(keep.as_ref().map_or(0, Partition::end));
            }
            () = stop.abandon.cancelled() => break,
        }
    }
    pump.abort();
}

fn gather<S: Sink>(sink: &mut S, gathered: &mut Option<Gathered>, piece: &RecordBatch) {
    sink.gather(piece, Instant::now());
    let gathered = gathered.get_or_insert_with(|| Gathered {
        span: Span { from: piece.start(), next: piece.next() },
        poison: Vec::new(),
        since: Instant::now(),
    });
    gathered.span.next = piece.next();
    if S::PARKS {
        gathered.poison.extend(piece.poison().cloned());
    }
}

/// Reads ahead of the sink, so that reading and writing overlap.
async fn pump(mut cursor: Cursor, pieces: mpsc::Sender<RecordBatch>) {
    loop {
        match cursor.next().await {
            Ok(piece) => {
                if pieces.send(piece).await.is_err() {
                    return;
                }
            }
            Err(CursorError::Closed) => return,
            Err(error @ CursorError::Storage(_)) => {
                tracing::error!(%error, "a sink cannot read on");
                sleep(READ_PAUSE).await;
            }
        }
    }
}

/// What goes with a writer from batch to batch.
struct Hand<W> {
    name: &'static str,
    writer: W,
    keep: Option<Partition>,
    counters: Counters,
    health: Health,
    seed: u64,
    stop: Stop,
}

impl<W: Writer> Hand<W> {
    /// Writes until it is written, parks what is poison, commits. Says up to where; nothing when it was given up.
    async fn deliver(mut self, load: W::Load, batch: Gathered) -> (Self, Option<u64>) {
        let begun = Instant::now();
        let abandon = self.stop.abandon.clone();
        let delivered = tokio::select! {
            next = self.write_and_commit(&load, batch) => next,
            () = abandon.cancelled() => None,
        };
        self.counters.write.observe(begun.elapsed().as_secs_f64());
        (self, delivered)
    }

    async fn write_and_commit(&mut self, load: &W::Load, mut batch: Gathered) -> Option<u64> {
        let mut backoff = Backoff::default();
        let refused = loop {
            let failure = match self.writer.write(load, batch.span).await {
                Ok(refused) => break refused,
                Err(failure) => failure,
            };
            self.counters.failures.inc();
            if failure.fault == Fault::Transient {
                tracing::warn!(sink = self.name, reason = failure.sentence, "writing failed; trying again");
                self.failed(&mut backoff, &failure.sentence).await;
            } else {
                tracing::error!(sink = self.name, reason = failure.sentence, "the sink has stopped");
                self.health.set(Some(format!("the {} sink has stopped: {}", self.name, failure.sentence)));
                std::future::pending::<()>().await;
            }
        };
        self.counters.poison.inc_by(refused.len() as u64);
        batch.poison.extend(refused);
        if let Some(partition) = self.keep.clone() {
            while let Err(error) = partition.park(&batch.poison).await {
                self.failed(&mut backoff, &format!("what cannot be read cannot be parked: {error}")).await;
            }
            if let Err(error) = partition.commit(self.name, batch.span.next) {
                // The store has the rows: at worst they are read again and left out.
                tracing::warn!(sink = self.name, %error, "the offset was not kept");
            }
        }
        self.health.set(None);
        self.counters.batches.inc();
        Some(batch.span.next)
    }

    async fn failed(&mut self, backoff: &mut Backoff, sentence: &str) {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = backoff.next(self.seed >> 16);
        if backoff.failures() >= PATIENCE {
            self.health.set(Some(format!("the {} sink is not writing: {sentence}", self.name)));
        }
        sleep(wait).await;
    }
}
