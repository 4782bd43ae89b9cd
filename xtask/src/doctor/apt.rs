//! Installs Debian packages without asking anybody anything. As root, or through sudo that needs no password.

use std::process::Command;

use crate::shell;

/// `apt-get update` once, then one install. A machine without apt gets a sentence.
pub(super) fn install(packages: &[&str]) -> anyhow::Result<()> {
    anyhow::ensure!(
        shell::find("apt-get").is_some(),
        "there is no apt-get here: install what provides these Debian packages yourself: {}",
        packages.join(" ")
    );
    eprintln!("installing {}", packages.join(" "));
    shell::run(apt_get()?.args(["-q", "-o", "Acquire::Retries=3", "update"]))?;
    let mut install = apt_get()?;
    install.args([
        "-q",
        "-y",
        "--no-install-recommends",
        "-o",
        "Acquire::Retries=3",
        "-o",
        "Dpkg::Use-Pty=0",
        "install",
    ]);
    shell::run(install.args(packages))
}

fn apt_get() -> anyhow::Result<Command> {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        return Ok(command);
    }
    anyhow::ensure!(
        shell::find("sudo").is_some(),
        "installing packages needs root: run `cargo xtask doctor --install` as root"
    );
    let mut command = Command::new("sudo");
    command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    Ok(command)
}
