//! `bench`: builds everything optimised and runs the benchmark, which prints the README's figures.

use std::process::Command;

use clap::Args;

use crate::doctor::{self, Adding, Need};
use crate::{beacon, compile, fetch, place, shell};

/// Run the benchmarks that print the README's figures.
#[derive(Args)]
pub(crate) struct Bench {
    /// Which one, and what it takes: passed on as they are; none runs all, `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    adding: Adding,
}

impl Bench {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        doctor::add(&[Need::Bench], self.adding)?;
        let engine = fetch::engine()?;
        fetch::geo()?;
        // All at once: whoever builds a part alone selects other features, and builds its dependencies once more.
        let mut cargo = shell::cargo(["build", "--release", "--workspace", "--bins"]);
        compile::run("everything, optimised", &mut cargo, &[], |_| Ok(()))?;
        beacon::build(place::root())?;
        let binaries = place::binaries(true)?;
        let mut bench = Command::new(binaries.join("footfall-bench"));
        bench.args(&self.arguments).current_dir(place::root());
        bench.env("FOOTFALL_XTASK", std::env::current_exe()?).env("FOOTFALL_LIBCHDB", engine);
        let status = bench.status()?;
        anyhow::ensure!(status.success(), "the benchmark failed ({status})");
        Ok(())
    }
}
