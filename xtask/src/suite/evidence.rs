//! Keeps what a proof said in docs/evidence/, dated, with what a reader needs to repeat it.

use std::process::Command;

use time::OffsetDateTime;
use time::macros::format_description;

use crate::{file, place, shell};

/// Keeps `text` as what `cargo xtask prove NAME` said with these settings of the environment (`NAME=value`).
pub(super) fn keep(
    name: &str,
    environment: &[String],
    begun: OffsetDateTime,
    text: &str,
) -> anyhow::Result<()> {
    let time = begun.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"))?;
    let mut git = Command::new("git");
    let commit = shell::read(git.args(["describe", "--always", "--dirty"]).current_dir(place::root()))?;
    let cores = std::thread::available_parallelism()?;
    let what = [&[name.to_owned()], environment].concat().join(", ");
    let head =
        format!("cargo xtask prove {what}, {time}, commit {}, {cores} cores, dev profile\n", commit.trim());
    let date = begun.format(format_description!("[year]-[month]-[day]"))?;
    let path = place::root().join("docs").join("evidence").join(format!("{date}-{name}.txt"));
    file::write(&path, (head + text).as_bytes(), 0o644)?;
    eprintln!("{name}: proven, see {}", path.display());
    Ok(())
}
