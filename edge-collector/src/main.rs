//! The edge collector's program: reads the configuration, opens the edge, binds its ports, says that it is ready, serves.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{io, net};

use anyhow::Context;
use clap::Parser;
use footfall_daemon::exit::{self, Exit};
use footfall_daemon::stop::{self, Also};
use footfall_daemon::{lock, port, ready, trace};
use footfall_edge::Config;
use footfall_edge::edge::{Edge, JOURNAL, Parts};
use footfall_edge::server::{self, Listeners};
use serde_json::json;
use tokio::net::TcpListener;
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
    let config = arguments.config.expect("clap requires it");
    let config = Config::load(&config).map_err(Exit::usage)?;
    let parts = Parts::load(&config).map_err(Exit::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the system lets a process have an event loop")?;
    if arguments.check {
        return runtime.block_on(check_ports(&config));
    }
    serve(&runtime, config, parts, arguments.until_eof)
}

/// While an edge runs on this data its ports are taken, as they should be.
async fn check_ports(config: &Config) -> Result<(), Exit> {
    let lock = config.data.join(JOURNAL).join(footfall_journal::LOCK);
    if lock::is_held(&lock).map_err(Exit::usage)? {
        tracing::info!("an edge runs on this data: its ports were not looked at");
        return Ok(());
    }
    port::check(config.http.listen).await.map_err(busy("http.listen"))?;
    match &config.health {
        Some(health) => port::check(health.listen).await.map_err(busy("health.listen")),
        None => Ok(()),
    }
}

fn busy(key: &'static str) -> impl Fn(io::Error) -> Exit {
    move |error| Exit::usage(format_args!("`{key}`: {error}"))
}

fn serve(runtime: &Runtime, config: Config, parts: Parts, until_eof: bool) -> Result<(), Exit> {
    let (listen, health) = (config.http.listen, config.health.as_ref().map(|health| health.listen));
    let edge = Edge::open(config, parts).map_err(anyhow::Error::from)?;
    let listener = runtime.block_on(port::listen(listen, BIND_WAIT)).map_err(busy("http.listen"))?;
    let bound = health.map(|address| runtime.block_on(port::listen(address, BIND_WAIT))).transpose();
    let health = bound.map_err(busy("health.listen"))?;
    let served: anyhow::Result<()> = runtime.block_on(async {
        let health = health.map(TcpListener::into_std).transpose()?;
        let listeners = Listeners { http: listener.into_std()?, health };
        let http = url_of(&listeners.http)?;
        let health = listeners.health.as_ref().map(url_of).transpose()?;
        let stop = stop::watch(Also { end_of_input: until_eof, ..Also::default() })?;
        ready::print(&json!({ "http": http, "health": health })).context("nobody reads the READY line")?;
        tracing::info!(%http, health, "serving");
        server::serve(edge, listeners, stop.drain).await?;
        Ok(())
    });
    Ok(served?)
}

fn url_of(listener: &net::TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}
