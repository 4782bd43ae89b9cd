//! `doctor`: what this machine lacks, and the exact command that adds it. Changes nothing unless `--install` is given.

mod apt;
mod part;
mod sign;

use clap::Args;

pub(crate) use part::Need;
use part::{PARTS, Part};

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

impl Doctor {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if self.install {
            install(&[Need::Up, Need::Test, Need::Services, Need::Bench])?;
        }
        let findings: Vec<(&Part, Option<String>)> = PARTS.iter().map(|part| (part, part.fault())).collect();
        if self.json {
            let rows: Vec<_> = findings.iter().map(|(part, fault)| row(part, fault.as_deref())).collect();
            println!("{}", serde_json::to_string_pretty(&rows)?);
        } else {
            for (part, fault) in &findings {
                match fault {
                    None => println!("ok       {:<34} {}", part.name, part.purpose),
                    Some(fault) => println!(
                        "missing  {:<34} {}: {fault}\n         {}",
                        part.name,
                        part.purpose,
                        part.remedy()
                    ),
                }
            }
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

/// Fails with one sentence that names what is missing and the command that adds it.
pub(crate) fn require(need: Need) -> anyhow::Result<()> {
    let missing: Vec<_> =
        PARTS.iter().filter(|part| part.needs.contains(&need) && part.fault().is_some()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|part| part.name).collect();
    let mut remedies: Vec<_> = missing.iter().map(|part| part.remedy()).collect();
    remedies.dedup();
    anyhow::bail!("this machine lacks {}; to add it: {}", names.join(", "), remedies.join(" && "));
}

/// Adds what is missing for any of `needs`, in one apt call; then checks that it is really there.
pub(crate) fn install(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<&Part> = PARTS
        .iter()
        .filter(|part| part.needs.iter().any(|need| needs.contains(need)) && part.fault().is_some())
        .collect();
    let packages: Vec<&str> = missing.iter().flat_map(|part| part.apt).copied().collect();
    if !packages.is_empty() {
        apt::install(&packages)?;
    }
    for part in missing.iter().filter(|part| !part.rustup.is_empty()) {
        crate::shell::run(
            std::process::Command::new("rustup").args(part.rustup).current_dir(crate::place::root()),
        )?;
    }
    needs.iter().try_for_each(|need| require(*need))
}

fn row(part: &Part, fault: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "name": part.name,
        "purpose": part.purpose,
        "ok": fault.is_none(),
        "fault": fault,
        "remedy": fault.map(|_| part.remedy()),
    })
}
