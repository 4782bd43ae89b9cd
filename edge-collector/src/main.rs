//! The edge collector's program: reads the configuration, opens the edge, binds its port, says that it is ready, serves.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use footfall_daemon::exit::{self, Exit};
use footfall_daemon::stop::{self, Also};
use footfall_daemon::{descriptors, lock, port, ready, trace};
use footfall_edge::edge::{Edge, JOURNAL, Parts};
use footfall_edge::{Config, server};
use serde_json::json;
use tokio::runtime::Runtime;

/// How long a busy port is waited for, before it counts as a mistake of the configuration.
const BIND_WAIT: Duration = Duration::from_secs(10);

/// Takes events from browsers, makes them durable, and forwards them to central.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, required_unless_present = "print_template")]
    config: Option<PathBuf>,
    /// Find what a start would find, change nothing, and exit.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    log: trace::LogArguments,
    /// Print a configuration file with every key and its default, and exit.
    #[arg(long)]
    print_template: bool,
    /// Drain and exit when standard input ends.
    #[arg(long)]
    until_eof: bool,
}

fn main() -> ExitCode {
    exit::report("edge-collector", run())
}

fn run() -> Result<(), Exit> {
    let arguments: Arguments = exit::arguments()?;
    if arguments.print_template {
        print!("{}", Config::template());
        return Ok(());
    }
    trace::start(arguments.log);
    descriptors::raise_at_start();
    let config = arguments.config.expect("clap requires it");
    let config = Config::load(&config).map_err(Exit::usage)?;
    let parts = Parts::load(&config).map_err(Exit::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the system lets a process have an event loop")?;
    if arguments.check {
        return runtime.block_on(check_port(&config));
    }
    serve(&runtime, config, parts, arguments.until_eof)
}

/// While an edge runs on this data its port is taken, as it should be.
async fn check_port(config: &Config) -> Result<(), Exit> {
    let lock = config.data.join(JOURNAL).join(footfall_journal::LOCK);
    if lock::is_held(&lock).map_err(Exit::usage)? {
        tracing::info!("an edge runs on this data: its port was not looked at");
        return Ok(());
    }
    port::check(config.http.listen).await.map_err(|error| busy(&error))
}

fn busy(error: &std::io::Error) -> Exit {
    Exit::usage(format_args!("`http.listen`: {error}"))
}

fn serve(runtime: &Runtime, config: Config, parts: Parts, until_eof: bool) -> Result<(), Exit> {
    let listen = config.http.listen;
    let edge = Edge::open(config, parts).map_err(anyhow::Error::from)?;
    let listener = runtime.block_on(port::listen(listen, BIND_WAIT)).map_err(|error| busy(&error))?;
    let served: anyhow::Result<()> = runtime.block_on(async {
        let listener = listener.into_std()?;
        let http = format!("http://{}", listener.local_addr()?);
        let stop = stop::watch(Also { end_of_input: until_eof, ..Also::default() })?;
        ready::print(&json!({ "http": http })).context("nobody reads the READY line")?;
        tracing::info!(%http, "serving");
        server::serve(edge, listener, stop.drain).await?;
        Ok(())
    });
    Ok(served?)
}
