//! The embedded ClickHouse, from a command line to a clean end. Everything it does is in the library.

use anyhow::{Context, Result};
use clap::Parser;
use footfall_event_store::claim;
use footfall_event_store::config::{Arguments, Config};
use footfall_event_store::confine::{Confinement, confine};
use footfall_event_store::credentials::Credentials;
use footfall_event_store::engine::{Library, settle};
use footfall_event_store::handle::Service;
use footfall_event_store::pool::{Options, Pool};
use footfall_event_store::server::serve;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What bad configuration exits with (EX_USAGE).
const USAGE: u8 = 64;

/// How long the threads get to end their last statement and close their connections.
const CLOSE_TIME: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // A central that was killed leaves a broken pipe for stderr; complaining about it there would panic.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("FOOTFALL_LOG").unwrap_or_else(|_| "info".into()),
        )
        .init();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            // Help and version: what was asked for.
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            let sentence = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            eprintln!("event-store: {sentence}");
            return ExitCode::from(USAGE);
        }
    };
    let check = arguments.check;
    let config = match Config::resolve(arguments) {
        Ok(config) => config,
        Err(invalid) => {
            eprintln!("event-store: {invalid}");
            return ExitCode::from(USAGE);
        }
    };
    if check {
        return ExitCode::SUCCESS;
    }
    match run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("event-store: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: &Config) -> Result<()> {
    let credentials = Credentials::from_file(&config.user, &config.password_file)?;
    let data = &config.layout.data;
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let lock = claim::data(data)?;
    config.layout.write().with_context(|| format!("cannot write into {}", data.display()))?;
    settle(data).with_context(|| format!("cannot enter {}", data.display()))?;
    let library = Library::load(&config.library)?;
    // From here on this thread, and every thread to come, sees the data folder only.
    let confinement = confine(data)?;
    if confinement == Confinement::Unavailable {
        tracing::warn!("this kernel cannot confine the engine to its data: reading takes the password too");
    }
    let pool = Pool::start(
        library,
        &Options {
            readers: config.readers,
            writers: config.writers,
            queue_time: config.queue_time,
            arguments: config.layout.arguments(),
            reader_arguments: config.layout.reader_arguments(),
            prepare: config.layout.prepare(),
        },
    )?;
    tracing::info!(version = library.version(), ?confinement, "the engine is open");
    let service = Arc::new(Service {
        pool,
        credentials,
        database: config.layout.database.clone(),
        names: config.names.clone(),
        confinement,
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(until_stopped(config, Arc::clone(&service)))?;
    // Dropping the runtime drops every connection left, and with it the last other hold on the service.
    runtime.shutdown_timeout(Duration::from_secs(1));
    if Arc::into_inner(service).is_some_and(|service| service.pool.stop(CLOSE_TIME)) {
        tracing::info!("closed");
    } else {
        tracing::warn!(
            "a statement did not end in time: what it had not finished is undone at the next start"
        );
    }
    drop(lock);
    Ok(())
}

async fn until_stopped(config: &Config, service: Arc<Service>) -> Result<()> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = claim::port(config.listen).await?;
    let address = listener.local_addr()?;
    let ready = serde_json::json!({ "pid": std::process::id(), "url": format!("http://{address}") });
    writeln!(std::io::stdout(), "READY {ready}")?;
    std::io::stdout().flush()?;
    let input_ends = end_of_input(config.until_eof);
    let told = stop.clone();
    tokio::spawn(async move {
        let why = tokio::select! {
            _ = terminate.recv() => "told to stop by SIGTERM",
            _ = interrupt.recv() => "told to stop by SIGINT",
            () = input_ends.cancelled() => "standard input has ended",
        };
        told.cancel();
        tracing::info!("{why}");
    });
    serve(listener, service, stop, config.drain).await;
    Ok(())
}

/// Cancelled at standard input's end, if that is asked for. A thread of its own: reading it cannot be given up.
fn end_of_input(watch: bool) -> CancellationToken {
    let ended = CancellationToken::new();
    if watch {
        let ended = ended.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            // An input that cannot be read is as good as ended.
            while std::io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
            ended.cancel();
        });
    }
    ended
}
