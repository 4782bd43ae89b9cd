//! The table of what a machine must have: name, purpose, how it is recognised, what adds it. It looks and changes nothing.

use std::path::Path;
use std::process::Command;

use crate::shell;

/// Which commands cannot work without a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// `up`, and everything else that builds the system.
    Up,
    /// `test` and `ci`.
    Test,
    /// `bench` only.
    Bench,
}

/// One thing a machine may lack.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    pub(super) needs: &'static [Need],
    /// Debian packages that add it.
    pub(super) apt: &'static [&'static str],
    /// Arguments of `rustup` that add it.
    pub(super) rustup: &'static [&'static str],
    sign: Sign,
}

/// How a part is recognised.
enum Sign {
    Programs(&'static [&'static str]),
    /// Node: older ones lack what the npm tools use.
    NodeAtLeast(u32),
    CargoSubcommands(&'static [&'static str]),
    RustTarget(&'static str),
    File(&'static str),
}

pub(super) const PARTS: &[Part] = &[
    Part {
        name: "C and C++ compiler, make",
        purpose: "builds zstd, ring and SQLite",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &["build-essential"],
        rustup: &[],
        sign: Sign::Programs(&["cc", "c++", "make"]),
    },
    Part {
        name: "Node 18 or newer, npm",
        purpose: "fetches the ClickHouse engine, the geo database and the beacon's optimiser",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &["nodejs", "npm"],
        rustup: &[],
        sign: Sign::NodeAtLeast(18),
    },
    Part {
        name: "tar, gzip",
        purpose: "unpack what npm fetched",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &["tar", "gzip"],
        rustup: &[],
        sign: Sign::Programs(&["tar", "gzip"]),
    },
    Part {
        name: "wasm32-unknown-unknown",
        purpose: "the target of the browser beacon",
        needs: &[Need::Up, Need::Test, Need::Bench],
        apt: &[],
        rustup: &["target", "add", "wasm32-unknown-unknown"],
        sign: Sign::RustTarget("wasm32-unknown-unknown"),
    },
    Part {
        name: "clippy, rustfmt",
        purpose: "judge the code in `ci`",
        needs: &[Need::Test],
        apt: &[],
        rustup: &["component", "add", "clippy", "rustfmt"],
        sign: Sign::CargoSubcommands(&["clippy", "fmt"]),
    },
    Part {
        name: "git",
        purpose: "clones the project",
        needs: &[Need::Test],
        apt: &["git"],
        rustup: &[],
        sign: Sign::Programs(&["git"]),
    },
    Part {
        name: "curl",
        purpose: "runs the README's examples as printed",
        needs: &[Need::Test],
        apt: &["curl"],
        rustup: &[],
        sign: Sign::Programs(&["curl"]),
    },
    Part {
        name: "Chromium with its driver",
        purpose: "the browser of the tests",
        needs: &[Need::Test],
        apt: &["chromium", "chromium-driver"],
        rustup: &[],
        sign: Sign::Programs(&["chromium", "chromedriver"]),
    },
    Part {
        name: "wrk",
        purpose: "the load of the benchmark",
        needs: &[Need::Bench],
        apt: &["wrk"],
        rustup: &[],
        sign: Sign::Programs(&["wrk"]),
    },
    Part {
        name: "nginx",
        purpose: "what the edge is measured beside",
        needs: &[Need::Bench],
        apt: &["nginx-light"],
        rustup: &[],
        sign: Sign::Programs(&["nginx"]),
    },
    Part {
        name: "nginx echo module",
        purpose: "lets nginx read and log bodies in the benchmark",
        needs: &[Need::Bench],
        apt: &["libnginx-mod-http-echo"],
        rustup: &[],
        sign: Sign::File("/usr/lib/nginx/modules/ngx_http_echo_module.so"),
    },
];

impl Part {
    /// What is wrong with it here; `None` when it is there.
    pub(super) fn fault(&self) -> Option<String> {
        match self.sign {
            Sign::Programs(programs) => {
                let missing: Vec<_> =
                    programs.iter().filter(|program| shell::find(program).is_none()).copied().collect();
                (!missing.is_empty()).then(|| format!("no {} on the PATH", missing.join(", ")))
            }
            Sign::NodeAtLeast(least) => node_fault(least),
            Sign::CargoSubcommands(names) => {
                let missing: Vec<_> = names
                    .iter()
                    .filter(|name| shell::read(&mut shell::cargo([*name, "--version"])).is_err())
                    .copied()
                    .collect();
                (!missing.is_empty()).then(|| format!("no cargo {}", missing.join(", cargo ")))
            }
            Sign::RustTarget(target) => {
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
            Sign::File(path) => (!Path::new(path).exists()).then(|| format!("no {path}")),
        }
    }

    /// The command that adds it, as a person would type it.
    pub(super) fn remedy(&self) -> String {
        if self.apt.is_empty() {
            format!("rustup {}", self.rustup.join(" "))
        } else {
            format!("sudo apt-get install -y --no-install-recommends {}", self.apt.join(" "))
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

/// The 20 of `v20.20.2`.
fn node_major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_tells_its_major_version() {
        assert_eq!(node_major("v20.20.2\n"), Some(20));
        assert_eq!(node_major("v8.1.0"), Some(8));
        assert_eq!(node_major("nonsense"), None);
    }

    #[test]
    fn every_part_can_be_added_by_a_command() {
        for part in PARTS {
            assert!(part.apt.is_empty() != part.rustup.is_empty(), "{} has no remedy, or two", part.name);
            assert!(!part.needs.is_empty(), "{} is needed by nothing", part.name);
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let part = Part { sign: Sign::Programs(&["sh", "no-such-program-anywhere"]), ..parts_first() };
        assert_eq!(part.fault().as_deref(), Some("no no-such-program-anywhere on the PATH"));
    }

    fn parts_first() -> Part {
        Part {
            name: "x",
            purpose: "x",
            needs: &[Need::Up],
            apt: &["x"],
            rustup: &[],
            sign: Sign::Programs(&[]),
        }
    }
}
