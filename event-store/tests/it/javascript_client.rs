//! npm's `@clickhouse/client`, unmodified: a program of ours that does with it what its users do.

use crate::server::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program and its packages, installed once for each lock file into cargo's folder for tests.
fn program() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/javascript");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("javascript");
    std::fs::create_dir_all(&folder).expect("made");
    let copy = |name: &str| std::fs::copy(source.join(name), folder.join(name)).expect("copied");
    let locked = std::fs::read(source.join("package-lock.json")).expect("read");
    let note = folder.join("node_modules/installed-lock.json");
    copy("client.test.mjs");
    if std::fs::read(&note).is_ok_and(|installed| installed == locked) {
        return folder;
    }
    copy("package.json");
    copy("package-lock.json");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
    let installed = npm.output().expect("npm is installed");
    assert!(installed.status.success(), "{}", said(&installed));
    std::fs::write(note, locked).expect("written");
    folder
}

fn said(output: &Output) -> String {
    [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat()
}

#[test]
fn does_what_its_users_do() {
    let server = Server::start();
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "client.test.mjs"])
        .current_dir(program())
        .env("STORE_URL", &server.url)
        .env("STORE_PASSWORD", server.password());
    let output = node.output().expect("node is installed");
    assert!(output.status.success(), "{}", said(&output));
}
