//! `ci`: everything that decides whether a change is good, in the order in which it fails fastest. CI runs nothing else.

use std::time::{Duration, Instant};

use super::{deny, test::Test};
use crate::doctor::{self, Need};
use crate::{shell, tidy};

struct Step {
    name: &'static str,
    run: fn() -> anyhow::Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "machine", run: || doctor::install(&[Need::Up, Need::Test, Need::Services]) },
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
    let begun = Instant::now();
    let mut rows = Vec::new();
    for step in STEPS {
        eprintln!("=== {}", step.name);
        let begun = Instant::now();
        let result = (step.run)();
        if let Err(error) = &result {
            eprintln!("{}: {error:#}", step.name);
        }
        rows.push((step.name, begun.elapsed(), result));
    }
    println!();
    for (name, took, result) in &rows {
        println!("{}", row(name, *took, if result.is_ok() { "ok" } else { "FAILED" }));
    }
    let failed = rows.iter().filter(|(_, _, result)| result.is_err()).count();
    println!("{}", row("all", begun.elapsed(), if failed == 0 { "ok" } else { "FAILED" }));
    anyhow::ensure!(failed == 0, "{failed} of {} steps failed", rows.len());
    Ok(())
}

fn row(name: &str, took: Duration, outcome: &str) -> String {
    format!("{name:<14} {:>4} min {:02} s  {outcome}", took.as_secs() / 60, took.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_in_minutes() {
        assert_eq!(row("clippy", Duration::from_secs(125), "ok"), "clippy            2 min 05 s  ok");
    }
}
