//! The edge collector's program: reads the configuration, opens the edge, binds its port, says that it is ready, serves.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use footfall_edge::edge::{Edge, Parts};
use footfall_edge::{Config, server};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What sysexits.h calls EX_USAGE: the configuration is wrong.
const USAGE: u8 = 64;
/// How long a busy port is waited for.
const BIND_WAIT: Duration = Duration::from_secs(10);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Takes events from browsers, makes them durable, and forwards them to central.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
    /// Check the configuration and exit.
    #[arg(long)]
    check: bool,
    /// Drain and exit when standard input ends.
    #[arg(long)]
    until_eof: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("FOOTFALL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // When the reader of stderr is gone, a line that cannot be written must not become a panic.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .log_internal_errors(false)
        .init();
    let (config, parts) = match configured(&arguments) {
        Ok(configured) => configured,
        Err(error) => {
            eprintln!("edge-collector: {error}");
            return ExitCode::from(USAGE);
        }
    };
    if arguments.check {
        return ExitCode::SUCCESS;
    }
    match serve(&arguments, config, parts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edge-collector: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn configured(arguments: &Arguments) -> anyhow::Result<(Config, Parts)> {
    let config = Config::load(&arguments.config)?;
    let parts = Parts::load(&config)?;
    Ok((config, parts))
}

fn serve(arguments: &Arguments, config: Config, parts: Parts) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    if arguments.until_eof {
        cancel_at_end_of_input(shutdown.clone())?;
    }
    let listen = config.http.listen;
    let edge = Edge::open(config, parts)?;
    let listener = bind(listen).with_context(|| format!("{listen} cannot be bound"))?;
    let http = format!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = shutdown.clone();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            signals.cancel();
        });
        println!("READY {}", json!({ "http": http }));
        tracing::info!(%http, "serving");
        server::serve(edge, listener, shutdown).await?;
        Ok(())
    })
}

fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let give_up = Instant::now() + BIND_WAIT;
    loop {
        let socket = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        match socket.bind(&listen.into()).and_then(|()| socket.listen(BACKLOG)) {
            Ok(()) => return Ok(socket.into()),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => return Err(error),
        }
    }
}

fn cancel_at_end_of_input(shutdown: CancellationToken) -> io::Result<()> {
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        let mut sink = [0; 256];
        // An error ends the wait as the end of the input does.
        while io::stdin().read(&mut sink).is_ok_and(|count| count > 0) {}
        shutdown.cancel();
    })?;
    Ok(())
}
