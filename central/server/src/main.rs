//! The `central` executable: reads the command line and the configuration, then runs [`footfall_central::app`].

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use footfall_central::command;
use footfall_central::config::Config;
use footfall_central::{admin, app, telemetry};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// What a mistaken configuration exits with (`EX_USAGE`).
const MISTAKEN: u8 = 64;

/// How long threads that talk to servers may take to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// Central: takes events from the edges, keeps the log, feeds every store and answers reports.
#[derive(Parser)]
#[command(version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs central.
    Run {
        /// The configuration, TOML.
        #[arg(long, env = "FOOTFALL_CONFIG")]
        config: PathBuf,
        /// Validates the configuration and exits.
        #[arg(long)]
        check: bool,
        /// Drains and exits when standard input reaches its end.
        #[arg(long)]
        until_eof: bool,
    },
    /// Works on the metadata database directly, whether central runs or not.
    Admin {
        /// The configuration, TOML.
        #[arg(long, env = "FOOTFALL_CONFIG")]
        config: PathBuf,
        #[command(subcommand)]
        command: Box<admin::Command>,
    },
    /// Rebuilds a tier from the raw log, while central is stopped.
    Replay {
        /// The configuration, TOML.
        #[arg(long, env = "FOOTFALL_CONFIG")]
        config: PathBuf,
        #[command(flatten)]
        told: command::Rebuild,
    },
    /// Looks at what could not be read or stored, whether central runs or not, and gives it to the event store again, while it is stopped.
    DeadLetter {
        /// The configuration, TOML.
        #[arg(long, env = "FOOTFALL_CONFIG")]
        config: PathBuf,
        #[command(subcommand)]
        command: command::DeadLetter,
    },
}

fn main() -> ExitCode {
    let runtime = Runtime::new().expect("the system lets a process have threads");
    let code = runtime.block_on(run());
    // A client of a Kafka that is away waits for ever to say goodbye, on a thread that the runtime would wait for.
    runtime.shutdown_timeout(GOODBYE);
    code
}

async fn run() -> ExitCode {
    let line = Line::parse();
    telemetry::trace();
    let (Command::Run { config: path, .. }
    | Command::Admin { config: path, .. }
    | Command::Replay { config: path, .. }
    | Command::DeadLetter { config: path, .. }) = &line.command;
    let config = match Config::load(path, std::env::vars()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(MISTAKEN);
        }
    };
    let done = match line.command {
        Command::Run { check: true, .. } => Ok(()),
        Command::Run { until_eof, .. } => app::run(config, stop_signal(until_eof)).await,
        Command::Admin { command, .. } => match command.run(config.metadata).await {
            Ok(()) => Ok(()),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(error.exit_code());
            }
        },
        Command::Replay { told, .. } => app::replay(config, told, &mut std::io::stdout()).await,
        Command::DeadLetter { command, .. } => {
            app::dead_letter(config, command, &mut std::io::stdout()).await
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Is cancelled by SIGTERM, SIGINT, or the end of standard input where that counts.
fn stop_signal(until_eof: bool) -> CancellationToken {
    let stop = CancellationToken::new();
    tokio::spawn(app::signalled(stop.clone()));
    if until_eof {
        let stop = stop.clone();
        // A thread of its own: a read of standard input cannot be given up.
        std::thread::spawn(move || {
            let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            stop.cancel();
            tracing::info!(?ended, "standard input has ended");
        });
    }
    stop
}
