//! What this machine lacks, and adding it: `doctor` tells, or adds with `--install`; `up`, `test` and `ci` add what they need.

mod disk;
mod part;
mod plan;
mod sign;

use std::process::Command;

use clap::Args;

pub(crate) use part::Need;
use part::{PARTS, Part};
use plan::{Means, Rights};

use crate::{place, shell};

/// Say what this machine lacks and the command that adds it.
#[derive(Args)]
pub(crate) struct Doctor {
    /// Add what is missing: through apt (as root or with sudo) and rustup.
    #[arg(long)]
    install: bool,
    /// One JSON array on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

/// Whether a command may change the machine.
#[derive(Args, Clone, Copy, Default)]
pub(crate) struct Adding {
    /// Only say what this machine lacks, and the command that adds it, instead of adding it through apt and rustup.
    #[arg(long)]
    no_install: bool,
}

impl Doctor {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if self.install {
            add(&[Need::Up, Need::Test, Need::Services, Need::Bench], Adding::default())?;
        }
        let findings: Vec<(&Part, Option<String>)> = PARTS.iter().map(|part| (part, part.fault())).collect();
        let means = Means::look();
        if self.json {
            let rows: Vec<_> =
                findings.iter().map(|(part, fault)| row(part, fault.as_deref(), means)).collect();
            println!("{}", serde_json::to_string_pretty(&rows)?);
        } else {
            for (part, fault) in &findings {
                match fault {
                    None => println!("ok       {:<34} {}", part.name, part.purpose),
                    Some(fault) => println!(
                        "missing  {:<34} {}: {fault}\n         {}",
                        part.name,
                        part.purpose,
                        plan::remedy(&[part], means)
                    ),
                }
            }
        }
        if let (Some(warning), false) = (disk::warning(&[Need::Test])?, self.json) {
            println!("scarce   {warning}");
        }
        let lacking = findings
            .iter()
            .filter(|(part, fault)| {
                fault.is_some() && [Need::Test, Need::Services].iter().any(|need| part.needs.contains(need))
            })
            .count();
        anyhow::ensure!(lacking == 0, "{lacking} of what the tests need is missing");
        Ok(())
    }
}

/// Adds what is missing for any of `needs`, saying each command before it runs; then looks whether it is really there.
///
/// # Errors
/// One sentence that names what is still missing and the command that adds it.
pub(crate) fn add(needs: &[Need], adding: Adding) -> anyhow::Result<()> {
    if let Some(warning) = disk::warning(needs)? {
        eprintln!("warning: {warning}");
    }
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let lacks = parts(&missing);
    let means = Means::look();
    let steps = plan::steps(&lacks, means);
    if adding.no_install || steps.is_empty() {
        anyhow::bail!(plan::sentence(&lacks, means));
    }
    eprintln!("this machine lacks {}: adding it (--no-install would only tell)", plan::names(&lacks));
    let mut refused = Vec::new();
    for step in steps {
        let mut command = Command::new(&step.words[0]);
        if let Err(error) = shell::run(command.args(&step.words[1..]).current_dir(place::root())) {
            if step.adds {
                refused.push(format!("{error:#}; "));
            } else {
                eprintln!("warning: {error:#}");
            }
        }
    }
    let left = self::missing(needs);
    if left.is_empty() {
        return Ok(());
    }
    // Something that was added and still does not do: an older release than it must be.
    let why: Vec<_> = left.iter().map(|(_, fault)| fault.as_str()).collect();
    anyhow::bail!("{}{} ({})", refused.concat(), plan::sentence(&parts(&left), means), why.join("; "))
}

fn missing(needs: &[Need]) -> Vec<(&'static Part, String)> {
    let needed = PARTS.iter().filter(|part| part.needs.iter().any(|need| needs.contains(need)));
    needed.filter_map(|part| Some((part, part.fault()?))).collect()
}

fn parts<'a>(found: &[(&'a Part, String)]) -> Vec<&'a Part> {
    found.iter().map(|(part, _)| *part).collect()
}

impl Means {
    /// What there is here. Asks sudo whether it would ask.
    fn look() -> Self {
        let silent = || shell::read(Command::new("sudo").args(["-n", "true"])).is_ok();
        let rights = if rustix::process::geteuid().is_root() {
            Rights::Root
        } else if shell::find("sudo").is_none() {
            Rights::Nobody
        } else if silent() {
            Rights::Sudo
        } else {
            Rights::Asks
        };
        Self { apt: shell::find("apt-get").is_some(), rights, rustup: shell::find("rustup").is_some() }
    }
}

fn row(part: &Part, fault: Option<&str>, means: Means) -> serde_json::Value {
    serde_json::json!({
        "name": part.name,
        "purpose": part.purpose,
        "ok": fault.is_none(),
        "fault": fault,
        "remedy": fault.map(|_| plan::remedy(&[part], means)),
    })
}
