//! When a program is asked to end: SIGTERM, SIGINT, the end of standard input. What it does then is its own business.

use std::io::{self, Read};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Requests to end.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Cancelled by the first request: drain, then end.
    pub drain: CancellationToken,
    /// Cancelled by the second signal: whoever sent it does not want to wait.
    pub hurry: CancellationToken,
}

/// What counts as a request besides SIGTERM and SIGINT.
#[derive(Clone, Copy, Debug, Default)]
pub struct Also {
    /// The end of standard input: whoever holds the other end of the pipe is gone, however it ended.
    pub end_of_input: bool,
    /// SIGHUP: the terminal was closed.
    pub hangup: bool,
}

/// Begins to listen. Must be called within a runtime.
///
/// # Errors
/// When the system lets no signal be received.
pub fn watch(also: Also) -> io::Result<Stop> {
    let stop = Stop::default();
    let hangup = if also.hangup { Some(signal(SignalKind::hangup())?) } else { None };
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(obey(terminate, interrupt, hangup, stop.clone()));
    if also.end_of_input {
        cancel_at_end(io::stdin(), stop.drain.clone())?;
    }
    Ok(stop)
}

async fn obey(mut terminate: Signal, mut interrupt: Signal, mut hangup: Option<Signal>, stop: Stop) {
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = received(&mut hangup) => "SIGHUP",
        };
        tracing::info!("told to stop by {name}");
        if stop.drain.is_cancelled() {
            stop.hurry.cancel();
        }
        stop.drain.cancel();
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// A thread of its own: a read that waits cannot be given up, and must not hold the end of the runtime back.
fn cancel_at_end(mut input: impl Read + Send + 'static, stop: CancellationToken) -> io::Result<()> {
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        // An input that cannot be read has ended as well.
        let ended = io::copy(&mut input, &mut io::sink());
        tracing::info!(?ended, "standard input has ended");
        stop.cancel();
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{getpid, kill_process};
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;
    use tokio::time::timeout;

    const LONG: Duration = Duration::from_secs(20);

    // The only test that listens to signals: they reach the whole process.
    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_one_hurries() {
        let stop = watch(Also { hangup: true, ..Also::default() }).expect("signals");
        kill_process(getpid(), rustix::process::Signal::TERM).expect("sent");
        timeout(LONG, stop.drain.cancelled()).await.expect("drains");
        assert!(!stop.hurry.is_cancelled());
        kill_process(getpid(), rustix::process::Signal::HUP).expect("sent");
        timeout(LONG, stop.hurry.cancelled()).await.expect("hurries");
    }

    #[tokio::test]
    async fn the_end_of_the_input_drains_and_what_stands_before_it_does_not() {
        let (mut ours, theirs) = UnixStream::pair().expect("a pipe");
        let stop = CancellationToken::new();
        cancel_at_end(theirs, stop.clone()).expect("a thread");
        ours.write_all(b"still here\n").expect("written");
        assert!(!stop.is_cancelled());
        drop(ours);
        timeout(LONG, stop.cancelled()).await.expect("drains");
    }
}
