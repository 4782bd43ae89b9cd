//! Small real builds: what went well is handed on, what went wrong is told by the status.

use std::path::{Path, PathBuf};
use std::process::Command;

fn package(name: &str, code: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[workspace]\n");
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("a file is written");
    std::fs::write(folder.join("src/main.rs"), code).expect("a file is written");
    folder
}

fn build(name: &str, code: &str) -> (bool, Vec<String>) {
    let folder = package(name, code);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("build").env("CARGO_TARGET_DIR", folder.join("target")).current_dir(folder);
    let mut messages = Vec::new();
    let status = xtask_launch::build(name, &mut cargo, &[name], |line| {
        messages.push(line.to_owned());
        Ok(())
    });
    (status.expect("cargo can be started").success(), messages)
}

#[test]
fn every_message_is_handed_on() {
    let (well, messages) = build("good", "fn main() {}");
    assert!(well);
    assert!(
        messages.iter().any(|line| line.contains("compiler-artifact") && line.contains("good")),
        "{messages:?}"
    );
    assert!(messages.last().expect("a message").contains("build-finished"));
}

#[test]
fn a_build_that_fails_is_no_error_of_ours() {
    let (well, messages) = build("bad", "fn main() { nothing() }");
    assert!(!well);
    assert!(messages.iter().all(|line| !line.contains("compiler-artifact")));
}

#[test]
fn a_message_that_cannot_be_read_is_told_after_the_build() {
    let folder = package("odd", "fn main() {}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("build").env("CARGO_TARGET_DIR", folder.join("target")).current_dir(folder);
    let told = xtask_launch::build("odd", &mut cargo, &["odd"], |_| anyhow::bail!("odd"));
    assert_eq!(told.unwrap_err().to_string(), "odd");
}
