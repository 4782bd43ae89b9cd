//! Turns Ctrl-C, SIGTERM, a closed terminal and the end of stdin into two requests: stop, and hurry.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The first request drains; a second one does not wait for it.
pub(crate) struct Signals {
    pub(crate) stop: CancellationToken,
    pub(crate) hurry: CancellationToken,
}

/// Begins to listen. Must be called within the runtime.
pub(crate) fn watch(until_eof: bool) -> anyhow::Result<Signals> {
    let listen = |kind| signal(kind).context("cannot listen to signals");
    let (interrupt, terminate, hangup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
    tokio::spawn(obey(interrupt, terminate, hangup, stop.clone(), hurry.clone()));
    if until_eof {
        let stop = stop.clone();
        // A thread of its own: a read of stdin cannot be cancelled, and must not hold the runtime's end back.
        std::thread::spawn(move || {
            // An unreadable stdin has ended as well.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            stop.cancel();
        });
    }
    Ok(Signals { stop, hurry })
}

async fn obey(
    mut interrupt: Signal,
    mut terminate: Signal,
    mut hangup: Signal,
    stop: CancellationToken,
    hurry: CancellationToken,
) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        if stop.is_cancelled() {
            hurry.cancel();
        }
        stop.cancel();
    }
}
