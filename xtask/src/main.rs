//! Every command that a person or CI runs. `main` only dispatches: each command is a file or a folder beside it.

mod authority;
mod beacon;
mod bench;
mod compile;
#[cfg(test)]
mod deploy;
mod docs;
mod doctor;
mod fetch;
mod file;
mod place;
mod ports;
mod services;
mod shell;
mod suite;
mod tidy;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use footfall_daemon::exit;

/// Footfall's commands. `cargo xtask up` runs the whole system, `cargo xtask test` runs every test.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(up::Up),
    Services(services::Services),
    Test(suite::test::Test),
    /// Run everything that decides whether a change is good: fmt, tidy, clippy, deny, test. Adds what the machine lacks.
    Ci,
    Prove(suite::prove::Prove),
    /// Check what the compiler cannot: first lines, arrows, pure files, long files, names, links, mounts, machine paths.
    Tidy,
    /// Check licences, bans, sources and advisories of all dependencies.
    Deny,
    Doctor(doctor::Doctor),
    Fetch(fetch::Fetch),
    /// Build the browser beacon into beacon-wasm/dist and print its sizes.
    Beacon,
    Bench(bench::Bench),
    /// Write docs/configuration.md anew from what the programs print about their configuration.
    Docs,
}

fn main() -> ExitCode {
    exit::report("xtask", exit::arguments().and_then(|cli: Cli| Ok(run(cli.command)?)))
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(up) => up.run(),
        Command::Services(services) => services.run(),
        Command::Test(test) => test.run(),
        Command::Ci => suite::ci::run(),
        Command::Prove(prove) => prove.run(),
        Command::Tidy => tidy::run(),
        Command::Deny => suite::deny::run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Fetch(fetch) => fetch.run(),
        Command::Beacon => beacon::build(place::root()),
        Command::Bench(bench) => bench.run(),
        Command::Docs => docs::run(),
    }
}
