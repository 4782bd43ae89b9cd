//! Writes one batch until it is written, parks what the store refuses, and commits.

use std::time::Instant;

use tokio::time::sleep;

use footfall_daemon::backoff::Backoff;
use footfall_daemon::fault::Fault;

use super::{Context, Stop};
use crate::{Sink, Span, Writer};

/// A sink that failed so often in a row is no longer ready.
const FAILURES_BEFORE_UNREADY: u32 = 3;

/// What goes with a writer from batch to batch.
pub(super) struct WriteTask<W> {
    name: &'static str,
    commits: bool,
    writer: W,
    context: Context,
    random: fastrand::Rng,
    stop: Stop,
}

/// The task again, and up to where it has written; nothing when it was given up.
pub(super) type Delivered<W> = (WriteTask<W>, Option<u64>);

impl<W: Writer> WriteTask<W> {
    pub(super) fn new<S: Sink>(writer: W, context: Context, stop: Stop) -> Self {
        let random = fastrand::Rng::with_seed(context.seed);
        Self { name: S::NAME, commits: S::HOLDS_LOG, writer, context, random, stop }
    }

    /// Writes a batch, however long that takes.
    pub(super) async fn deliver(mut self, batch: W::Batch, span: Span) -> Delivered<W> {
        let begun = Instant::now();
        let abandon = self.stop.abandon.clone();
        let delivered = tokio::select! {
            () = self.write_and_commit(&batch, span) => Some(span.next),
            () = abandon.cancelled() => None,
        };
        self.context.counters.write.observe(begun.elapsed().as_secs_f64());
        (self, delivered)
    }

    async fn write_and_commit(&mut self, batch: &W::Batch, span: Span) {
        let mut backoff = self.context.pace.backoff();
        let refused = loop {
            let failure = match self.writer.write(batch, span).await {
                Ok(refused) => break refused,
                Err(failure) => failure,
            };
            self.context.counters.failures.inc();
            if failure.fault == Fault::Transient {
                tracing::warn!(sink = self.name, reason = failure.sentence, "writing failed; trying again");
                self.wait(&mut backoff, &failure.sentence).await;
            } else {
                tracing::error!(sink = self.name, reason = failure.sentence, "the sink has stopped");
                self.context.status.fail(format!("the {} sink has stopped: {}", self.name, failure.sentence));
                std::future::pending::<()>().await;
            }
        };
        self.context.counters.poison.inc_by(refused.len() as u64);
        while let Err(error) = self.context.partition.park(&refused).await {
            self.wait(&mut backoff, &format!("what its store refuses cannot be parked: {error}")).await;
        }
        if self.commits
            && let Err(error) = self.context.partition.commit(self.name, span.next)
        {
            // The store has the rows: at worst they are read again and left out.
            tracing::warn!(sink = self.name, %error, "the offset was not kept");
        }
        self.context.status.recover();
        self.context.counters.batches.inc();
    }

    async fn wait(&mut self, backoff: &mut Backoff, sentence: &str) {
        let wait = backoff.next(self.random.u64(..));
        if backoff.failures() >= FAILURES_BEFORE_UNREADY {
            self.context.status.fail(format!("the {} sink is not writing: {sentence}", self.name));
        }
        sleep(wait).await;
    }
}
