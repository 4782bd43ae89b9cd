//! Runs other programs for the commands: says what it runs, and turns a failure into one sentence. No shell is involved.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

/// Cargo as the one that runs this command, in the workspace's root.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(crate::place::root());
    xtask_launch::without_package(&mut command);
    command
}

/// Runs to the end with the program's output on stderr (stdout is for what the command itself answers).
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = line(command);
    eprintln!("$ {text}");
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .with_context(|| format!("could not start `{text}`"))?;
    anyhow::ensure!(status.success(), "`{text}` failed ({status})");
    Ok(())
}

/// Runs to the end and returns what it wrote to stdout.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let text = line(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("could not start `{text}`"))?;
    anyhow::ensure!(
        output.status.success(),
        "`{text}` failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout).with_context(|| format!("`{text}` did not write text"))
}

/// The program's path, looked up as a shell would, and in the system's own folders too: a person's PATH often lacks sbin.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| is_executable(candidate))
}

/// The folder of PostgreSQL's programs, of the newest version that is installed: Debian keeps them off the PATH.
pub(crate) fn postgresql() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versioned = versions.map(|entry| entry.path());
    let newest = versioned
        .filter_map(|path| Some((path.file_name()?.to_str()?.parse::<u32>().ok()?, path.join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").is_file() && programs.join("psql").is_file())
        .max();
    if let Some((_, programs)) = newest {
        return Ok(programs);
    }
    let found = find("initdb").and_then(|path| path.canonicalize().ok());
    let folder = found.and_then(|path| path.parent().map(Path::to_owned));
    folder.filter(|folder| folder.join("psql").is_file()).context("there is no PostgreSQL on this machine")
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    command.get_args().fold(name, |line, argument| line + " " + &argument.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_named_with_its_arguments_and_its_reason() {
        let error =
            read(Command::new("ls").arg("/does-not-exist-here")).expect_err("there is no such folder");
        let text = error.to_string();
        assert!(text.starts_with("`ls /does-not-exist-here` failed"), "{text}");
        assert!(text.contains("No such file"), "{text}");
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program-anywhere"), None);
    }
}
