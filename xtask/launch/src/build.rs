//! Runs one `cargo build`: counts what it makes, passes on what people must see, and shows how far it is.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::crates;
use crate::progress::SILENCE;
use crate::show::Show;

/// Between two looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// Runs `cargo`, a `cargo build` of `what`, and hands on each of cargo's messages, a line of JSON. `roots` are the packages that
/// it makes programs of, none meaning all and their tests: only the total is counted by them.
///
/// # Errors
/// When cargo cannot be started or read. A build that failed is told by its status, and was told to people by cargo.
pub fn build(
    what: &str,
    cargo: &mut Command,
    roots: &[&str],
    mut message: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<ExitStatus> {
    without_package(cargo);
    let tree = crates::tree(cargo, roots);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "never").env_remove("CARGO_TERM_QUIET");
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = cargo.spawn().context("could not start cargo")?;
    let messages = BufReader::new(child.stdout.take().context("stdout was piped")?);
    let sayings = BufReader::new(child.stderr.take().context("stderr was piped")?);
    let show = Mutex::new(Show::of(what));
    // What was counted before a panic is as good as any.
    let show = || show.lock().unwrap_or_else(PoisonError::into_inner);
    let (ending, ended) = mpsc::channel::<()>();
    let read = std::thread::scope(|scope| {
        scope.spawn(|| {
            for line in sayings.split(b'\n').map_while(Result::ok) {
                show().hear(&String::from_utf8_lossy(&line));
            }
        });
        scope.spawn(|| {
            let ended = ended;
            let mut wait = SILENCE;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                show().tick(begun.elapsed());
                wait = TICK;
            }
        });
        // Only a build that has something to do is worth the question.
        let (asking, asked) = mpsc::channel::<()>();
        scope.spawn(move || {
            if asked.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
                let count = crates::count(tree, roots);
                show().progress.of = count;
            }
        });
        let mut read = Ok(());
        for line in messages.lines() {
            let line = match line.context("cannot read what cargo says") {
                Ok(line) => line,
                Err(error) => {
                    read = Err(error);
                    break;
                }
            };
            show().progress.message(&line);
            if read.is_ok() {
                read = message(&line);
            }
        }
        drop((ending, asking));
        read
    });
    let status = child.wait().context("cargo cannot be waited for")?;
    show().end(begun.elapsed(), status.success());
    read?;
    Ok(status)
}

/// Takes out what `cargo run` told this command about its own package: build scripts and tests of others must not see it.
pub fn without_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
}
