//! A machine that lacks everything: a PATH whose only programs write down how they were called, and add what they are told to.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// What the parts are recognised by, as far as programs on the PATH show it.
const PROGRAMS: &str = "cc c++ make pkg-config node npm tar gzip rustc git curl chromium chromedriver java mvn initdb psql \
                        redis-server redis-cli python3 wrk nginx cargo";

struct Machine {
    folder: TempDir,
}

impl Machine {
    /// With apt-get, sudo and rustup, where `install` is what apt-get does with its arguments.
    fn bare(install: &str) -> Self {
        let machine = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(machine.programs()).expect("a folder");
        let log = machine.folder.path().join("log");
        let note = format!("echo \"${{0##*/}} $*\" >> {}", log.display());
        machine.program("env", "exec /usr/bin/env \"$@\"");
        machine.program("sudo", "shift; [ \"$1\" = true ] || exec \"$@\"");
        machine.program("apt-get", &format!("{note}\n{install}"));
        machine.program("rustup", &note);
        machine
    }

    /// Where apt-get adds every program at once.
    fn that_adds() -> Self {
        let machine = Self::bare("");
        let programs = machine.programs();
        // node and java tell a version, and rustc tells a folder that is there.
        let answer = format!(
            "case \"${{0##*/}}\" in node) echo v22.1.0;; java) echo openjdk version '\\\"21.0.1\\\"' >&2;; rustc) echo {};; esac",
            programs.display()
        );
        let script = machine.folder.path().join("script");
        std::fs::write(&script, format!("#!/bin/sh\n{}\n", answer.replace('\\', "")))
            .expect("a program is written");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
            .expect("a program is written");
        let add = format!(
            "case \"$*\" in *install*) for name in {PROGRAMS}; do /bin/cp {} {}/$name; done;; esac",
            script.display(),
            programs.display()
        );
        let apt = std::fs::read_to_string(programs.join("apt-get")).expect("it was written");
        machine.program("apt-get", &format!("{}\n{add}", apt.trim_start_matches("#!/bin/sh\n")));
        machine
    }

    fn programs(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.programs().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program is written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .expect("a program is written");
    }

    fn xtask(&self, arguments: &[&str]) -> Output {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(arguments).env("PATH", self.programs()).env("CARGO", self.programs().join("cargo"));
        xtask.output().expect("xtask can be started")
    }

    /// How programs were called, without apt's own options.
    fn calls(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let plain = |line: &str| {
            line.split_whitespace()
                .filter(|word| !word.starts_with("-o") && *word != "-q")
                .collect::<Vec<_>>()
                .join(" ")
        };
        log.lines().map(plain).collect()
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn who_only_wants_to_be_told_is_told_in_one_sentence() {
    let machine = Machine::that_adds();
    let output = machine.xtask(&["up", "--no-install", "--data", &machine.data()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("xtask: this machine lacks ") && said.lines().count() == 1, "{said}");
    for command in [
        "apt-get install -y --no-install-recommends build-essential",
        "rustup target add wasm32-unknown-unknown",
    ] {
        assert!(said.contains(command), "{said}");
    }
    assert!(output.stdout.is_empty() && machine.calls().is_empty(), "{:?}", machine.calls());
}

#[test]
fn what_is_missing_is_added_and_each_command_said() {
    let machine = Machine::that_adds();
    let output = machine.xtask(&["doctor", "--install"]);
    let (said, calls) = (text(&output.stderr), machine.calls());
    assert_eq!(calls[0], "apt-get update", "{said}");
    assert!(
        calls[1].starts_with("apt-get install -y --no-install-recommends build-essential libssl-dev"),
        "{calls:?}"
    );
    assert_eq!(
        calls[2..],
        ["rustup target add wasm32-unknown-unknown", "rustup component add clippy rustfmt"]
    );
    let commands = said.lines().filter(|line| line.starts_with("$ ")).count();
    assert_eq!(commands, calls.len(), "{said}");
    // A module of nginx is looked for by its path, which no test can add.
    let left = said.lines().filter(|line| line.contains("lacks") && !line.contains("adding it"));
    for line in left {
        assert!(line.contains("this machine lacks nginx echo module; to add it"), "{line}");
    }
}

#[test]
fn what_was_refused_is_told_with_what_to_type() {
    let machine = Machine::bare("echo 'E: no such package' >&2; exit 100");
    let output = machine.xtask(&["up", "--data", &machine.data()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(machine.calls().len(), 3, "old lists alone stop nothing, nor does apt stop rustup: {said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.contains("failed (exit status: 100); this machine lacks ") && last.contains("to add it: "),
        "{said}"
    );
    assert!(!Path::new(&machine.data()).join("run.json").exists());
}
