//! `prove`: a story with the full numbers, for hours if need be. What it said is kept, dated, in docs/evidence/.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use clap::Args;
use time::OffsetDateTime;

use super::build::{self, Built};
use super::scope::STORIES;
use super::{evidence, mutants, test};
use crate::doctor::{self, Adding, Need};
use crate::services::Held;
use crate::{beacon, compile, fetch, place, workspace};

/// Run a story with the full numbers and keep what it said in docs/evidence/; no name lists them.
#[derive(Args)]
pub(crate) struct Prove {
    /// Which proofs; `all` means each of them.
    names: Vec<String>,
    /// Only this package's mutants, by its folder or name; may be given several times.
    #[arg(long = "package", value_name = "PACKAGE")]
    packages: Vec<String>,
    #[command(flatten)]
    adding: Adding,
}

/// What is proven, and by what.
struct Proof {
    name: &'static str,
    about: &'static str,
    /// Whose test it is.
    package: &'static str,
    /// A test program: a file or a folder among the package's tests.
    story: &'static str,
    /// Only tests whose names contain this.
    only: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// With servers as they are run, not as they are tested.
    release: bool,
}

/// Whose tests are central's rooms together with real servers.
const CENTRAL: &str = "footfall-central";

const PROOFS: &[Proof] = &[
    Proof {
        name: "kills",
        about: "edge, central and event store killed 100 times under load: nothing answered is lost or doubled",
        package: STORIES,
        story: "kills",
        only: "",
        environment: &[("FOOTFALL_KILLS", "100")],
        release: false,
    },
    Proof {
        name: "outage",
        about: "central away for a minute: the edge answers on and catches up, each answered event is stored once",
        package: STORIES,
        story: "outage",
        only: "while_central_is_down",
        environment: &[("FOOTFALL_OUTAGE", "60")],
        release: false,
    },
    Proof {
        name: "tiers",
        about: "each of Kafka, ClickHouse, PostgreSQL, Redis and S3 killed for 30 s under 2,000 events a second: nothing answered is lost or doubled in any tier",
        package: STORIES,
        story: "tiers",
        only: "each_server_dies",
        environment: &[("FOOTFALL_OUTAGE", "30")],
        release: false,
    },
    Proof {
        name: "central",
        about: "central on the real tiers killed 50 times under 2,000 events a second: the same",
        package: STORIES,
        story: "tiers",
        only: "central_dies",
        environment: &[("FOOTFALL_KILLS", "50")],
        release: false,
    },
    Proof {
        name: "centrals",
        about: "two centrals on the real tiers, one of them killed 20 times in turn: the same",
        package: STORIES,
        story: "two_centrals",
        only: "",
        environment: &[("FOOTFALL_KILLS", "20")],
        release: false,
    },
    Proof {
        name: "relay",
        about: "edge and central over a link that loses, cuts and moves in 200 histories: each answered event is in the log once and in order",
        package: STORIES,
        story: "relay",
        only: "",
        environment: &[("FOOTFALL_HISTORIES", "200")],
        release: false,
    },
    Proof {
        name: "derived",
        about: "200 random histories, the event store, the sink and the derivation killed in half of them: every row of every derived table \
                equals what plain Rust computes from the events",
        package: CENTRAL,
        story: "it",
        only: "every_derived_row_equals",
        environment: &[("FOOTFALL_HISTORIES", "200")],
        release: false,
    },
    Proof {
        name: "day",
        about: "a day of five million events of 20 websites, an hour of it as it happens: each hour that ends and each session that closes \
                is told right within 60 s",
        package: STORIES,
        story: "day",
        only: "every_hour_that_is_over",
        environment: &[
            ("FOOTFALL_DAY_EVENTS", "5000000"),
            ("FOOTFALL_LIVE_MINUTES", "61"),
            ("FOOTFALL_CATCH_UP_MINUTES", "30"),
            ("FOOTFALL_RELEASE", "1"),
        ],
        release: true,
    },
    Proof {
        name: "attacks",
        about: "10,000 idle and 500 slow connections of each sort at each listener, and every other attack for half a minute, release builds: \
                a good event is answered within 50 ms (p99), its row is there within 2 s",
        package: STORIES,
        story: "attacks",
        only: "",
        environment: &[
            ("FOOTFALL_ATTACK_SECONDS", "30"),
            ("FOOTFALL_IDLE", "10000"),
            ("FOOTFALL_SLOW", "500"),
            ("FOOTFALL_P99_MS", "50"),
            ("FOOTFALL_ROW_MS", "2000"),
            ("FOOTFALL_RELEASE", "1"),
        ],
        release: true,
    },
    Proof {
        name: "services",
        about: "each real server killed and brought back where it was with what it had",
        package: STORIES,
        story: "services",
        only: "",
        environment: &[],
        release: false,
    },
];

impl Prove {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if self.names.is_empty() {
            for proof in PROOFS {
                println!("{:<12} {}", proof.name, proof.about);
            }
            println!("{:<12} {}", mutants::NAME, mutants::ABOUT);
            return Ok(());
        }
        let (proofs, with_mutants) = named(&self.names)?;
        doctor::add(&[Need::Test], self.adding)?;
        let engine = fetch::engine()?;
        fetch::geo()?;
        let packages = workspace::packages(place::root())?;
        let built = build::build(&packages)?;
        beacon::build(place::root())?;
        let mut failed = Vec::new();
        for proof in proofs {
            if let Err(error) = proof.run(&built, &engine, self.adding) {
                eprintln!("{}: {error:#}", proof.name);
                failed.push(proof.name);
            }
        }
        if with_mutants && let Err(error) = mutants::prove(&packages, &self.packages, &engine, self.adding) {
            eprintln!("{}: {error:#}", mutants::NAME);
            failed.push(mutants::NAME);
        }
        anyhow::ensure!(failed.is_empty(), "not proven: {}", failed.join(", "));
        Ok(())
    }
}

/// The stories that are meant, and whether the mutants are.
fn named(names: &[String]) -> anyhow::Result<(Vec<&'static Proof>, bool)> {
    if names.iter().any(|name| name == "all") {
        return Ok((PROOFS.iter().collect(), true));
    }
    let find = |name: &String| {
        PROOFS.iter().find(|proof| proof.name == name).with_context(|| {
            let known: Vec<_> = PROOFS.iter().map(|proof| proof.name).chain([mutants::NAME]).collect();
            format!("there is no proof {name}: there are {}", known.join(", "))
        })
    };
    let stories = names.iter().filter(|name| *name != mutants::NAME);
    Ok((stories.map(find).collect::<anyhow::Result<_>>()?, names.iter().any(|name| name == mutants::NAME)))
}

impl Proof {
    fn run(&self, built: &Built, engine: &Path, adding: Adding) -> anyhow::Result<()> {
        let story = built.program(self.package, self.story)?;
        if self.release {
            compile::servers(true)?;
        }
        let services = if story.services {
            doctor::add(&[Need::Services], adding)?;
            Some(Held::temporary(false)?)
        } else {
            None
        };
        let mut command = story.command();
        command.args(["--nocapture", "--test-threads=1"]);
        command.args(Some(self.only).filter(|only| !only.is_empty()));
        command.envs(test::environment(engine, services.as_ref().map(Held::report))?);
        command.envs(self.environment.iter().copied());
        let begun = OffsetDateTime::now_utc();
        let (said, passed) = told(&mut command)?;
        if let Some(services) = services {
            let folder = services.folder().to_owned();
            services.end()?;
            if passed {
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        anyhow::ensure!(passed, "it failed; only what was proven is kept");
        let environment: Vec<String> =
            self.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        evidence::keep(self.name, &environment, begun, &format!("{}\n\n{said}", self.about))
    }
}

/// Runs it, shows what it says as it says it, and returns that and whether it succeeded.
fn told(story: &mut Command) -> anyhow::Result<(String, bool)> {
    let mut child = story.stdout(Stdio::piped()).spawn().context("could not start the story")?;
    let output = BufReader::new(child.stdout.take().context("stdout was piped")?);
    let mut said = String::new();
    let mut stdout = std::io::stdout().lock();
    for line in output.lines() {
        let line = line.context("cannot read what the story says")?;
        writeln!(stdout, "{line}")?;
        said += line.trim_end();
        said.push('\n');
    }
    let status = child.wait().context("the story cannot be waited for")?;
    // A story that told nothing proves nothing.
    Ok((said.trim_start().to_owned(), status.success() && !said.contains(" 0 passed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A story is a file, or a folder of files.
    fn text_of(proof: &Proof) -> String {
        let package = if proof.package == CENTRAL { "central/server" } else { "tests" };
        let story = place::root().join(package).join("tests").join(proof.story);
        if story.is_dir() { text_in(&story) } else { text_at(&story.with_extension("rs")) }
    }

    fn text_in(folder: &Path) -> String {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { text_in(&path) } else { text_at(&path) }).collect()
    }

    fn text_at(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn every_proof_has_a_story_that_is_there() {
        for proof in PROOFS {
            let text = text_of(proof);
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
        let all = named(&["all".to_owned()]).unwrap();
        assert!(all.0.len() == PROOFS.len() && all.1);
        let one = named(&["mutants".to_owned()]).unwrap();
        assert!(one.0.is_empty() && one.1);
    }
}
