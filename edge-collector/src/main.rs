//! The edge collector's program: reads the configuration, opens the edge, binds its port, says that it is ready, serves.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use footfall_daemon::exit::{self, Exit};
use footfall_daemon::stop::{self, Also};
use footfall_daemon::{port, ready, trace};
use footfall_edge::edge::{Edge, Parts};
use footfall_edge::{Config, server};
use serde_json::json;

/// How long a busy port is waited for.
const BIND_WAIT: Duration = Duration::from_secs(10);

/// Takes events from browsers, makes them durable, and forwards them to central.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, required_unless_present = "print_template")]
    config: Option<PathBuf>,
    /// Check the configuration and exit.
    #[arg(long)]
    check: bool,
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
    trace::start();
    let config = arguments.config.expect("clap requires it");
    let config = Config::load(&config).map_err(Exit::usage)?;
    let parts = Parts::load(&config).map_err(Exit::usage)?;
    if arguments.check {
        return Ok(());
    }
    Ok(serve(config, parts, arguments.until_eof)?)
}

fn serve(config: Config, parts: Parts, until_eof: bool) -> anyhow::Result<()> {
    let listen = config.http.listen;
    let edge = Edge::open(config, parts)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = port::listen(listen, BIND_WAIT).await?.into_std()?;
        let http = format!("http://{}", listener.local_addr()?);
        let stop = stop::watch(Also { end_of_input: until_eof, ..Also::default() })?;
        ready::print(&json!({ "http": http })).context("nobody reads the READY line")?;
        tracing::info!(%http, "serving");
        server::serve(edge, listener, stop.drain).await?;
        Ok(())
    })
}
