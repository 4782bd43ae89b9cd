//! The `central` executable: reads the command line and the configuration, then runs [`footfall_central::app`].

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use footfall_central::command;
use footfall_central::config::Config;
use footfall_central::{admin, app};
use footfall_daemon::exit::{self, Exit};
use footfall_daemon::stop::{self, Also};
use footfall_daemon::{descriptors, trace};
use rustls::pki_types::UnixTime;
use tokio::runtime::Runtime;

/// How long threads that talk to servers may take to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// Central: takes events from the edges, keeps the log, feeds every store and answers reports.
#[derive(Parser)]
#[command(version)]
struct Line {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: trace::LogArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Runs central.
    Run {
        /// The configuration, TOML.
        #[arg(long, env = "FOOTFALL_CONFIG")]
        config: PathBuf,
        /// Finds what a start would find, changes nothing, and exits.
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
    /// Computes sessions, conversions or aggregates again from the events, beside the central that runs, and says whether that changed any.
    Rebuild {
        /// The configuration, TOML.
        #[arg(long, env = "FOOTFALL_CONFIG")]
        config: PathBuf,
        #[command(flatten)]
        told: command::Recomputation,
    },
    /// Looks at what could not be read or stored, whether central runs or not, and gives it to the event store again, while it is stopped.
    DeadLetter {
        /// The configuration, TOML.
        #[arg(long, env = "FOOTFALL_CONFIG")]
        config: PathBuf,
        #[command(subcommand)]
        command: command::DeadLetter,
    },
    /// Prints a configuration file with every key and its default.
    PrintTemplate,
}

fn main() -> ExitCode {
    admin::report(std::env::args_os(), start())
}

fn start() -> Result<(), Exit> {
    let Line { command, log } = exit::arguments()?;
    let config = match &command {
        Command::PrintTemplate => {
            print!("{}", Config::template());
            return Ok(());
        }
        Command::Run { config, .. }
        | Command::Admin { config, .. }
        | Command::Replay { config, .. }
        | Command::Rebuild { config, .. }
        | Command::DeadLetter { config, .. } => config,
    };
    trace::start(log);
    descriptors::raise_at_start();
    let config = Config::load(config).map_err(Exit::usage)?;
    let runtime = Runtime::new().context("the system lets a process have threads")?;
    let done = runtime.block_on(run(command, config));
    // A client of a Kafka that is away waits for ever to say goodbye, on a thread that the runtime would wait for.
    runtime.shutdown_timeout(GOODBYE);
    done
}

async fn run(command: Command, config: Config) -> Result<(), Exit> {
    let mut output = std::io::stdout();
    match command {
        Command::PrintTemplate => {}
        Command::Run { check, until_eof, .. } => {
            app::check::check(&config, UnixTime::now()).map_err(Exit::usage)?;
            if check {
                return app::check::check_ports(&config).await.map_err(Exit::usage);
            }
            let also = Also { end_of_input: until_eof, ..Also::default() };
            app::run(config, stop::watch(also).context("signals cannot be received")?.drain).await?;
        }
        Command::Admin { command, .. } => {
            let done = command.run(config.metadata).await;
            done.map_err(|error| Exit::with_code(error.exit_code(), &error))?;
        }
        Command::Replay { told, .. } => app::replay(config, told, &mut output).await?,
        Command::Rebuild { told, .. } => app::rebuild(config, told, &mut output).await?,
        Command::DeadLetter { command, .. } => app::dead_letter(config, command, &mut output).await?,
    }
    Ok(())
}
