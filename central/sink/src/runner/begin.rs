//! Begins a sink: again and again while its store is away, until a person is needed, or all ends. Holds up no other sink.

use tokio::time::sleep;

use footfall_daemon::fault::Fault;

use super::{Context, Stop};
use crate::{Begun, Failure, Sink, Start};

/// The sink at the place where its partition goes on; nothing when all ends before.
pub(super) async fn begin<S: Sink>(
    sink: &S,
    context: &Context,
    stop: &Stop,
) -> Option<Begun<S::Batcher, S::Writer>> {
    let committed = if S::HOLDS_LOG { context.partition.register(S::NAME) } else { 0 };
    let mut backoff = context.pace.backoff();
    let mut random = fastrand::Rng::with_seed(context.seed);
    loop {
        // Told to drain, it still asks a store that is there: what the log holds is to be written.
        tokio::select! {
            biased;
            () = stop.abandon.cancelled() => return None,
            () = sink.ready() => {}
            () = stop.drain.cancelled() => return None,
        }
        let start = Start {
            partition: context.partition.clone(),
            committed,
            counters: context.counters.clone(),
            seed: context.seed,
        };
        let begun = tokio::select! {
            begun = sink.begin(start) => begun,
            () = stop.abandon.cancelled() => return None,
        };
        let Failure { fault, sentence } = match begun {
            Ok(begun) => {
                context.status.recover();
                return Some(begun);
            }
            Err(failure) => failure,
        };
        tracing::error!(sink = S::NAME, reason = sentence, "a sink cannot begin");
        context.counters.failures.inc();
        context.status.fail(format!("the {} sink cannot begin: {sentence}", S::NAME));
        let again = async {
            match fault {
                Fault::Transient => sleep(backoff.next(random.u64(..))).await,
                // The sentence stands until a person has helped and the partition is owned anew.
                Fault::Permanent | Fault::Poison => std::future::pending().await,
            }
        };
        tokio::select! {
            () = again => {}
            () = stop.drain.cancelled() => return None,
            () = stop.abandon.cancelled() => return None,
        }
    }
}
