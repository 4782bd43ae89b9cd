//! Every command that a person or CI runs. `main` only dispatches: each command is a file or a folder beside it.

mod beacon;
mod place;

use clap::{Parser, Subcommand};

/// Footfall's commands. `cargo xtask up` runs the whole system, `cargo xtask test` runs every test.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the browser beacon into beacon-wasm/dist and print its sizes.
    Beacon,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Beacon => beacon::build(place::root()),
    }
}
