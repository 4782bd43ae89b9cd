//! `ci`: everything that decides whether a change is good, in the order in which it fails fastest. CI runs nothing else.

use super::cost::Cost;
use super::{deny, table, test::Test};
use crate::doctor::{self, Adding, Need};
use crate::{shell, tidy};

struct Step {
    name: &'static str,
    run: fn() -> anyhow::Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "machine", run: || doctor::add(&[Need::Up, Need::Test, Need::Services], Adding::default()) },
    Step { name: "fmt", run: || shell::run(&mut shell::cargo(["fmt", "--all", "--check"])) },
    Step { name: "tidy", run: tidy::run },
    Step { name: "clippy", run: clippy },
    Step { name: "clippy, wasm", run: clippy_wasm },
    Step { name: "deny", run: deny::run },
    Step { name: "test", run: || Test::everything().run() },
];

fn clippy() -> anyhow::Result<()> {
    shell::run(&mut shell::cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The beacon as the browser gets it.
fn clippy_wasm() -> anyhow::Result<()> {
    let target = ["--target", "wasm32-unknown-unknown"];
    shell::run(
        shell::cargo(["clippy", "-p", "footfall-beacon"])
            .args(target)
            .args(["--quiet", "--", "-D", "warnings"]),
    )
}

/// Runs every step, also after one failed, and ends with a table.
pub(crate) fn run() -> anyhow::Result<()> {
    let (rows, all) = Cost::of(|| STEPS.iter().map(Step::run).collect::<anyhow::Result<Vec<_>>>())?;
    let mut rows = rows?;
    let failed = rows.iter().filter(|row| !row.passed).count();
    let steps = rows.len();
    rows.push(Row { name: "all", cost: all, passed: failed == 0 });
    let lines: Vec<_> = rows.iter().map(Row::line).collect();
    println!("\n{}", table::of(&lines));
    anyhow::ensure!(failed == 0, "{failed} of {steps} steps failed");
    Ok(())
}

/// How one step ended.
struct Row {
    name: &'static str,
    cost: Cost,
    passed: bool,
}

impl Step {
    fn run(&self) -> anyhow::Result<Row> {
        eprintln!("=== {}", self.name);
        let (result, cost) = Cost::of(self.run)?;
        if let Err(error) = &result {
            eprintln!("{}: {error:#}", self.name);
        }
        Ok(Row { name: self.name, cost, passed: result.is_ok() })
    }
}

impl Row {
    fn line(&self) -> (String, Cost) {
        (format!("{:<14} {}", self.name, if self.passed { "ok" } else { "FAILED" }), self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_stands_in_the_table_and_the_others_still_run() {
        let good = Step { name: "good", run: || Ok(()) };
        let bad = Step { name: "bad", run: || anyhow::bail!("broken") };
        let rows = [bad.run().unwrap(), good.run().unwrap()];
        let lines = rows.each_ref().map(|row| row.line().0);
        assert_eq!(lines, ["bad            FAILED", "good           ok"]);
    }
}
