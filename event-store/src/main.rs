//! The embedded ClickHouse, from a command line to a clean end. Everything it does is in the library.

use anyhow::{Context, Result, anyhow};
use footfall_daemon::exit::{self, Exit};
use footfall_daemon::folder::{self, Files};
use footfall_daemon::guard::Guard;
use footfall_daemon::lock::{self, Lock};
use footfall_daemon::stop::{self, Also};
use footfall_daemon::{descriptors, port, ready, trace};
use footfall_event_store::config::{Arguments, Config};
use footfall_event_store::credentials::Credentials;
use footfall_event_store::engine::{Library, isolate_environment, set_default_stack};
use footfall_event_store::layout::Layout;
use footfall_event_store::limits::{ENGINE_STACK_BYTES, PREDECESSOR_TIME};
use footfall_event_store::pool::{Options, Pool};
use footfall_event_store::sandbox::{Sandbox, restrict_to};
use footfall_event_store::server::serve;
use footfall_event_store::service::{Readers, Service};
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// In the data folder: exactly one holds it.
const LOCK: &str = "event-store.lock";
/// How long the threads get to end their last statement and close their connections.
const CLOSE_TIME: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    exit::report("event-store", start())
}

fn start() -> Result<(), Exit> {
    let arguments: Arguments = exit::arguments()?;
    trace::start(arguments.log);
    descriptors::raise_at_start();
    let check = arguments.check;
    let config = Config::resolve(arguments).map_err(Exit::usage)?;
    let data = &config.layout.data;
    folder::check("--data", data, Files::Any).map_err(Exit::usage)?;
    if check {
        // While one runs on this data its port is taken, as it should be.
        return if lock::is_held(&data.join(LOCK)).map_err(Exit::usage)? {
            Ok(())
        } else {
            runtime()?.block_on(port::check(config.listen)).map_err(|error| Exit::usage(Unbindable(error)))
        };
    }
    run(&config).map_err(|error| if error.is::<Unbindable>() { Exit::usage(error) } else { error.into() })
}

/// A port that could not be bound in time: somebody has to name another.
#[derive(Debug, thiserror::Error)]
#[error("--listen: {0}")]
struct Unbindable(std::io::Error);

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn run(config: &Config) -> Result<()> {
    let credentials = Credentials::from_file(&config.user, &config.password_file)?;
    let data = &config.layout.data;
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let lock = Lock::take(&data.join(LOCK), PREDECESSOR_TIME)?
        .with_context(|| format!("another event-store holds {}: stop it first", data.display()))?;
    config.layout.write().with_context(|| format!("cannot write into {}", data.display()))?;
    isolate_environment(&config.layout.engine())
        .with_context(|| format!("cannot enter {}", data.display()))?;
    set_default_stack(ENGINE_STACK_BYTES).context("cannot give threads their stacks")?;
    let library = Library::load(&config.library)?;
    // From here on this thread, and every thread to come, sees the data folder only.
    let sandbox = restrict_to(data)?;
    if sandbox == Sandbox::Unavailable {
        tracing::warn!("this kernel cannot confine the engine to its data: reading takes the password too");
    }
    let pool = Pool::start(
        library,
        &Options {
            readers: config.readers,
            own_readers: config.own_readers,
            writers: config.writers,
            queue_time: config.queue_time,
            arguments: Layout::arguments(),
            reader_arguments: config.layout.reader_arguments(config.readers),
            reader_prepare: Layout::prepare_reader(),
            secret: secret()?,
            prepare: config.layout.prepare(),
        },
    )?;
    tracing::info!(version = library.version(), ?sandbox, "the engine is open");
    let service = Arc::new(Service {
        pool,
        credentials,
        database: config.layout.database.clone(),
        data: data.display().to_string().into(),
        guard: Guard::new(&config.names),
        sandbox,
        readers: Readers::default(),
    });
    let runtime = runtime()?;
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

/// What no caller can guess.
fn secret() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("there is no randomness: {error}"))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

async fn until_stopped(config: &Config, service: Arc<Service>) -> Result<()> {
    let stop = stop::watch(Also { end_of_input: config.until_eof, ..Also::default() })?;
    let listener = port::listen(config.listen, PREDECESSOR_TIME).await.map_err(Unbindable)?;
    let url = format!("http://{}", listener.local_addr()?);
    ready::print(&json!({ "pid": std::process::id(), "url": url }))?;
    serve(listener, service, stop.drain, config.drain).await;
    Ok(())
}
