//! `prove mutants`: small changes to the code, a seeded sample of each package's, and whether its tests notice. cargo-mutants
//! makes and judges them; this picks the sample and says what the bound is.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{evidence, test};
use crate::doctor::{self, Adding, Need};
use crate::services::Held;
use crate::workspace::Package;
use crate::{fetch, place, shell};

pub(super) const NAME: &str = "mutants";
pub(super) const ABOUT: &str = "100 small changes to the code of each package (--package for one): its tests notice 95 of 100 that build";

/// How many of each package are tried: `FOOTFALL_MUTANTS`.
const SAMPLE: usize = 100;
/// Which ones: `FOOTFALL_SEED`.
const SEED: u64 = 9;
/// Of 100 that build.
const LEAST_CAUGHT: usize = 95;
/// Packages whose code ships. The others are tests and tools.
const TOOLS: [&str; 5] = ["footfall-benches", "footfall-harness", "footfall-tests", "xtask", "xtask-launch"];

/// What became of one package's sample.
struct Verdict {
    package: String,
    /// How many mutants there are.
    all: usize,
    caught: usize,
    /// Tests that never ended: noticed as well.
    endless: usize,
    missed: Vec<String>,
    unbuildable: usize,
}

/// Tries the sample of every package that ships, or of those that are named, and keeps what came of it.
pub(super) fn prove(
    packages: &[Package],
    only: &[String],
    engine: &Path,
    adding: Adding,
) -> anyhow::Result<()> {
    let (sample, seed) = (setting("FOOTFALL_MUTANTS", SAMPLE)?, setting("FOOTFALL_SEED", SEED)?);
    let chosen = choose(packages, only)?;
    let program = fetch::cargo_mutants()?;
    let services = if chosen.iter().any(|package| package.needs.services()) {
        doctor::add(&[Need::Services], adding)?;
        Some(Held::temporary(chosen.iter().any(|package| package.needs.druid()))?)
    } else {
        None
    };
    let environment = test::environment(engine, services.as_ref().map(Held::report))?;
    let begun = OffsetDateTime::now_utc();
    let mut text = vec![ABOUT.to_owned(), String::new()];
    let mut poor = Vec::new();
    for package in chosen {
        let verdict = try_package(&program, package, sample, seed, &environment)?;
        println!("{verdict}");
        text.push(verdict.to_string());
        if !verdict.is_enough() {
            poor.push(verdict.package);
        }
    }
    if let Some(services) = services {
        let folder = services.folder().to_owned();
        services.end()?;
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    anyhow::ensure!(poor.is_empty(), "fewer than {LEAST_CAUGHT} of 100 were noticed in {}", poor.join(", "));
    let environment = [format!("FOOTFALL_MUTANTS={sample}"), format!("FOOTFALL_SEED={seed}")];
    evidence::keep(NAME, &environment, begun, &(text.join("\n") + "\n"))
}

fn setting<T: std::str::FromStr>(name: &str, usual: T) -> anyhow::Result<T> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| anyhow::anyhow!("{name} is {text:?}, which is no number")),
        Err(_) => Ok(usual),
    }
}

fn choose<'a>(packages: &'a [Package], only: &[String]) -> anyhow::Result<Vec<&'a Package>> {
    if only.is_empty() {
        return Ok(packages.iter().filter(|package| !TOOLS.contains(&package.name.as_str())).collect());
    }
    let find = |name: &String| {
        let mut packages = packages.iter();
        packages
            .find(|package| package.is_called(place::root(), name))
            .with_context(|| format!("there is no package {name}"))
    };
    only.iter().map(find).collect()
}

fn try_package(
    program: &Path,
    package: &Package,
    sample: usize,
    seed: u64,
    environment: &[(&'static str, OsString)],
) -> anyhow::Result<Verdict> {
    let mutants = || {
        let mut command = Command::new(program);
        xtask_launch::without_package(&mut command);
        command.current_dir(place::root()).args(["mutants", "--package", &package.name, "--colors", "never"]);
        command.stdin(Stdio::null());
        command
    };
    let list = shell::read(mutants().arg("--list"))?;
    let all = list.lines().count();
    let picked = pick(list.lines().collect(), sample, seed);
    let output = place::target()?.join("mutants").join(&package.name);
    std::fs::create_dir_all(&output).with_context(|| format!("cannot make {}", output.display()))?;
    let mut command = mutants();
    for name in &picked {
        command.arg("--re").arg(format!("^{}$", regex::escape(name)));
    }
    command.args(["--no-shuffle", "--jobs", "1", "--output"]).arg(&output);
    // One target folder for all packages and runs: what they depend on is compiled once.
    command.env("CARGO_TARGET_DIR", place::target()?.join("mutants").join("build"));
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    eprintln!("{}: {} of {all} mutants, seed {seed}", package.name, picked.len());
    let status =
        command.stdout(Stdio::from(std::io::stderr())).status().context("cargo-mutants does not start")?;
    // 2: some were missed; 3: some tests never ended. Everything else is no verdict.
    anyhow::ensure!(matches!(status.code(), Some(0 | 2 | 3)), "cargo-mutants failed ({status})");
    let names = |file: &str| -> anyhow::Result<Vec<String>> {
        let path = output.join("mutants.out").join(file);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    Ok(Verdict {
        package: package.name.clone(),
        all,
        caught: names("caught.txt")?.len(),
        endless: names("timeout.txt")?.len(),
        missed: names("missed.txt")?,
        unbuildable: names("unviable.txt")?.len(),
    })
}

/// The same sample for the same seed, whatever the order of the names; a name that is new displaces at most one.
fn pick(mut names: Vec<&str>, sample: usize, seed: u64) -> Vec<&str> {
    names.sort_by_cached_key(|name| Sha256::digest(format!("{seed}:{name}")));
    names.truncate(sample);
    names
}

impl Verdict {
    fn built(&self) -> usize {
        self.caught + self.endless + self.missed.len()
    }

    fn is_enough(&self) -> bool {
        (self.caught + self.endless) * 100 >= self.built() * LEAST_CAUGHT
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {} of {} mutants: {} caught, {} never ended, {} missed, {} do not build",
            self.package,
            self.built() + self.unbuildable,
            self.all,
            self.caught,
            self.endless,
            self.missed.len(),
            self.unbuildable
        )?;
        self.missed.iter().try_for_each(|name| write!(f, "\n    missed {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_picks_the_same_sample_and_another_seed_another() {
        let names: Vec<String> = (0..50).map(|number| format!("src/lib.rs:{number}:1: replace")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sample = pick(names.clone(), 10, 1);
        assert_eq!(sample.len(), 10);
        assert_eq!(sample, pick(names.iter().rev().copied().collect(), 10, 1));
        assert_ne!(sample, pick(names.clone(), 10, 2));
        assert_eq!(pick(names, 100, 1).len(), 50);
    }

    #[test]
    fn ninety_five_of_a_hundred_that_build_are_enough() {
        let verdict = |caught, endless, missed| Verdict {
            package: "p".to_owned(),
            all: 500,
            caught,
            endless,
            missed: vec!["m".to_owned(); missed],
            unbuildable: 40,
        };
        assert!(verdict(94, 1, 5).is_enough());
        assert!(!verdict(94, 0, 5).is_enough());
        assert!(verdict(0, 0, 0).is_enough());
        assert_eq!(
            verdict(18, 0, 1).to_string(),
            "p: 59 of 500 mutants: 18 caught, 0 never ended, 1 missed, 40 do not build\n    missed m"
        );
    }
}
