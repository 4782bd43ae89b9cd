//! How a part of the machine is recognised. It looks and changes nothing.

use std::path::Path;
use std::process::Command;

use crate::shell;

/// What is looked for.
pub(super) enum Sign {
    Programs(&'static [&'static str]),
    /// Node: older ones lack what the npm tools use.
    NodeAtLeast(u32),
    /// Java: Kafka's brokers run on no older one.
    JavaAtLeast(u32),
    CargoSubcommands(&'static [&'static str]),
    RustTarget(&'static str),
    /// A C library with its headers, by the name that pkg-config knows.
    Library(&'static str),
    /// Debian keeps its programs off the PATH.
    Postgresql,
    Pip,
    File(&'static str),
}

impl Sign {
    /// What is wrong with it here; `None` when it is there.
    pub(super) fn fault(&self) -> Option<String> {
        match *self {
            Self::Programs(programs) => {
                let missing: Vec<_> =
                    programs.iter().filter(|program| shell::find(program).is_none()).copied().collect();
                (!missing.is_empty()).then(|| format!("no {} on the PATH", missing.join(", ")))
            }
            Self::NodeAtLeast(least) => node_fault(least),
            Self::CargoSubcommands(names) => {
                let missing: Vec<_> = names
                    .iter()
                    .filter(|name| shell::read(&mut shell::cargo([*name, "--version"])).is_err())
                    .copied()
                    .collect();
                (!missing.is_empty()).then(|| format!("no cargo {}", missing.join(", cargo ")))
            }
            Self::RustTarget(target) => {
                let mut rustc = Command::new("rustc");
                rustc
                    .args(["--print", "target-libdir", "--target", target])
                    .current_dir(crate::place::root());
                match shell::read(&mut rustc) {
                    Ok(folder) if Path::new(folder.trim()).is_dir() => None,
                    Ok(_) => Some("its standard library is not installed".to_owned()),
                    Err(error) => Some(error.to_string()),
                }
            }
            Self::JavaAtLeast(least) => java_fault(least),
            Self::Library(name) => library_fault(name),
            Self::Postgresql => shell::postgresql().err().map(|error| error.to_string()),
            Self::Pip => shell::read(Command::new("python3").args(["-m", "pip", "--version"]))
                .err()
                .map(|error| error.to_string()),
            Self::File(path) => (!Path::new(path).exists()).then(|| format!("no {path}")),
        }
    }
}

fn node_fault(least: u32) -> Option<String> {
    if shell::find("node").is_none() || shell::find("npm").is_none() {
        return Some("no node, npm on the PATH".to_owned());
    }
    match shell::read(Command::new("node").arg("--version")) {
        Ok(version) => match node_major(&version) {
            Some(major) if major >= least => None,
            _ => Some(format!("node is {}, older than {least}", version.trim())),
        },
        Err(error) => Some(error.to_string()),
    }
}

fn java_fault(least: u32) -> Option<String> {
    // The version stands on stderr.
    let output = match Command::new("java").arg("-version").output() {
        Ok(output) => output,
        Err(error) => return Some(format!("no java on the PATH ({error})")),
    };
    let text = String::from_utf8_lossy(&output.stderr);
    match java_major(&text) {
        Some(major) if major >= least => None,
        Some(major) => Some(format!("java is {major}, older than {least}")),
        None => Some(format!("java does not tell its version: {}", text.lines().next().unwrap_or_default())),
    }
}

/// The 17 of `openjdk version "17.0.15" 2025-04-15`.
fn java_major(text: &str) -> Option<u32> {
    text.split_once(" version \"")?.1.split(['.', '"', '-']).next()?.parse().ok()
}

fn library_fault(name: &str) -> Option<String> {
    if shell::find("pkg-config").is_none() {
        return Some("no pkg-config on the PATH".to_owned());
    }
    let found = shell::read(Command::new("pkg-config").args(["--exists", name]));
    found.err().map(|_| format!("pkg-config knows no {name}"))
}

/// The 20 of `v20.20.2`.
fn node_major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_told() {
        assert_eq!(node_major("v20.20.2\n"), Some(20));
        assert_eq!(node_major("v8.1.0"), Some(8));
        assert_eq!(node_major("nonsense"), None);
        assert_eq!(java_major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(java_major("openjdk version \"25\" 2025-09-16"), Some(25));
        assert_eq!(java_major("java version \"1.8.0_401\""), Some(1));
        assert_eq!(java_major("command not found"), None);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let fault = Sign::Programs(&["sh", "no-such-program-anywhere"]).fault();
        assert_eq!(fault.as_deref(), Some("no no-such-program-anywhere on the PATH"));
        assert_eq!(Sign::File("/no/such/file").fault().as_deref(), Some("no /no/such/file"));
    }
}
