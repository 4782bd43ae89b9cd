//! Asks a server through its vendor's own command-line client, which is the only proof that others can talk to it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell;

/// The longest that one question may take, in seconds: these clients can wait for ever.
const PATIENCE: &str = "20";

/// A client that is ended after [`PATIENCE`].
pub(super) fn client(program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.arg(PATIENCE).arg(program);
    command
}

/// What it answered; one line of its complaint when it failed.
pub(super) fn ask(command: &mut Command) -> anyhow::Result<String> {
    tell(command, "")
}

/// As [`ask`], with something to read: an argument could be seen by everybody.
pub(super) fn tell(command: &mut Command, input: &str) -> anyhow::Result<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        match pipe.write_all(input.as_bytes()) {
            // It has ended without reading: its complaint says why.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let mut lines = complaint.lines().map(str::trim).filter(|line| !line.is_empty());
    anyhow::bail!("{}", lines.next().unwrap_or("no answer in time"))
}

/// curl with its settings in a file. Answers the status and the body.
pub(super) fn curl(settings: &Path, arguments: &[&str], url: &str) -> anyhow::Result<(u16, String)> {
    let mut command = client(Path::new("curl"));
    command.args(["--silent", "--show-error", "--write-out", "\n%{http_code}", "--config"]).arg(settings);
    let answer = ask(command.args(arguments).arg(url))?;
    let (body, status) = answer.rsplit_once('\n').unwrap_or(("", &answer));
    Ok((status.parse()?, body.to_owned()))
}

/// A program by its name, with a sentence when it is not there.
pub(super) fn program(name: &str) -> anyhow::Result<std::path::PathBuf> {
    shell::find(name).ok_or_else(|| {
        anyhow::anyhow!("there is no {name} on this machine: run `cargo xtask doctor --install`")
    })
}
