//! `prove`: a story with the full numbers, for hours if need be. What it said is kept, dated, in docs/evidence/.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use clap::Args;
use time::OffsetDateTime;
use time::macros::format_description;

use super::test;
use crate::services::Held;
use crate::{doctor, fetch, file, place, shell};

/// Run a story with the full numbers and keep what it said in docs/evidence/; no name lists them.
#[derive(Args)]
pub(crate) struct Prove {
    /// Which proofs; `all` means each of them.
    names: Vec<String>,
}

/// What is proven, and by what.
struct Proof {
    name: &'static str,
    about: &'static str,
    /// A file in tests/tests/.
    story: &'static str,
    /// Only tests whose names contain this.
    only: &'static str,
    environment: &'static [(&'static str, &'static str)],
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "kills",
        about: "edge, central and event store killed 100 times under load: nothing answered is lost or doubled",
        story: "kills",
        only: "",
        environment: &[("FOOTFALL_KILLS", "100")],
    },
    Proof {
        name: "outage",
        about: "central away for a minute: the edge answers on and catches up, each answered event is stored once",
        story: "outage",
        only: "while_central_is_down",
        environment: &[("FOOTFALL_OUTAGE", "60")],
    },
    Proof {
        name: "tiers",
        about: "each of Kafka, ClickHouse, PostgreSQL, Redis and S3 killed for 30 s under 2,000 events a second: nothing answered is lost or doubled in any tier",
        story: "tiers",
        only: "each_server_dies",
        environment: &[("FOOTFALL_OUTAGE", "30")],
    },
    Proof {
        name: "central",
        about: "central on the real tiers killed 50 times under 2,000 events a second: the same",
        story: "tiers",
        only: "central_dies",
        environment: &[("FOOTFALL_KILLS", "50")],
    },
    Proof {
        name: "centrals",
        about: "two centrals on the real tiers, one of them killed 20 times in turn: the same",
        story: "two_centrals",
        only: "",
        environment: &[("FOOTFALL_KILLS", "20")],
    },
    Proof {
        name: "services",
        about: "each real server killed and brought back where it was with what it had",
        story: "services",
        only: "",
        environment: &[],
    },
];

impl Prove {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if self.names.is_empty() {
            for proof in PROOFS {
                println!("{:<12} {}", proof.name, proof.about);
            }
            return Ok(());
        }
        let proofs = named(&self.names)?;
        doctor::require(doctor::Need::Test)?;
        let engine = fetch::engine()?;
        fetch::geo()?;
        test::build()?;
        let failed: Vec<&str> = proofs
            .iter()
            .filter_map(|proof| {
                let error = proof.run(&engine).err()?;
                eprintln!("{}: {error:#}", proof.name);
                Some(proof.name)
            })
            .collect();
        anyhow::ensure!(failed.is_empty(), "not proven: {}", failed.join(", "));
        Ok(())
    }
}

fn named(names: &[String]) -> anyhow::Result<Vec<&'static Proof>> {
    if names.iter().any(|name| name == "all") {
        return Ok(PROOFS.iter().collect());
    }
    let find = |name: &String| {
        PROOFS.iter().find(|proof| proof.name == name).with_context(|| {
            let known: Vec<_> = PROOFS.iter().map(|proof| proof.name).collect();
            format!("there is no proof {name}: there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

impl Proof {
    fn run(&self, engine: &Path) -> anyhow::Result<()> {
        let services = if test::needs_services(place::root(), Some(self.story)) {
            doctor::require(doctor::Need::Services)?;
            Some(Held::temporary()?)
        } else {
            None
        };
        let mut cargo =
            shell::cargo(["test", "-p", "footfall-tests", "--test", self.story, "--", "--nocapture"]);
        cargo.args(["--test-threads=1", self.only].iter().filter(|argument| !argument.is_empty()));
        cargo.env("FOOTFALL_LIBCHDB", engine).env("FOOTFALL_BIN_DIR", place::binaries(false)?);
        cargo.envs(self.environment.iter().copied());
        if let Some(services) = &services {
            cargo.env("FOOTFALL_SERVICES", services.report());
        }
        let begun = OffsetDateTime::now_utc();
        let (said, passed) = told(&mut cargo)?;
        if let Some(services) = services {
            let folder = services.folder().to_owned();
            services.end()?;
            if passed {
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        anyhow::ensure!(passed, "it failed; only what was proven is kept");
        let date = begun.format(format_description!("[year]-[month]-[day]"))?;
        let evidence = place::root().join("docs").join("evidence").join(format!("{date}-{}.txt", self.name));
        file::write(&evidence, (self.head(begun)? + &said).as_bytes(), 0o644)?;
        eprintln!("{}: proven, see {}", self.name, evidence.display());
        Ok(())
    }

    /// What a reader needs to repeat it.
    fn head(&self, begun: OffsetDateTime) -> anyhow::Result<String> {
        let time = begun.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"))?;
        let mut git = Command::new("git");
        let commit = shell::read(git.args(["describe", "--always", "--dirty"]).current_dir(place::root()))?;
        let cores = std::thread::available_parallelism()?;
        let environment: Vec<String> =
            self.environment.iter().map(|(name, value)| format!(", {name}={value}")).collect();
        Ok(format!(
            "cargo xtask prove {}{}, {time}, commit {}, {cores} cores, dev profile\n{}\n\n",
            self.name,
            environment.concat(),
            commit.trim(),
            self.about
        ))
    }
}

/// Runs it, shows what it says as it says it, and returns that and whether it succeeded.
fn told(cargo: &mut Command) -> anyhow::Result<(String, bool)> {
    let mut child =
        cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("could not start cargo")?;
    let output = BufReader::new(child.stdout.take().context("stdout was piped")?);
    let mut said = String::new();
    let mut stdout = std::io::stdout().lock();
    for line in output.lines() {
        let line = line.context("cannot read what the story says")?;
        writeln!(stdout, "{line}")?;
        said += line.trim_end();
        said.push('\n');
    }
    let status = child.wait().context("cargo cannot be waited for")?;
    // A story that told nothing proves nothing.
    Ok((said.trim_start().to_owned(), status.success() && !said.contains(" 0 passed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_has_a_story_that_is_there() {
        for proof in PROOFS {
            let story = place::root().join("tests").join("tests").join(format!("{}.rs", proof.story));
            let text = std::fs::read_to_string(&story).unwrap_or_default();
            assert!(text.contains(proof.only) && !text.is_empty(), "{} has no story", proof.name);
            for (name, _) in proof.environment {
                assert!(text.contains(name), "{} does not read {name}", proof.story);
            }
        }
    }

    #[test]
    fn a_name_that_is_none_is_said_with_those_that_are() {
        let error = named(&["miracles".to_owned()]).err().unwrap().to_string();
        assert!(error.starts_with("there is no proof miracles: there are kills"), "{error}");
        assert_eq!(named(&["all".to_owned()]).unwrap().len(), PROOFS.len());
    }
}
