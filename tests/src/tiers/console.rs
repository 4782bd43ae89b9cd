//! Asks PostgreSQL, Redis and Druid with the programs that an operator would use.

use std::process::Command;

use crate::services::{Druid, Postgresql, Redis};

/// The answer of `psql` to one statement: a line a row, columns parted by `|`.
///
/// # Panics
/// When it refuses.
#[must_use]
pub fn psql(at: &Postgresql, statement: &str) -> String {
    let password = std::fs::read_to_string(&at.password_file).expect("a password");
    let place = format!(
        "host={} port={} dbname={} user={} sslmode=verify-ca sslrootcert={}",
        at.host,
        at.port,
        at.database,
        at.user,
        at.ca.display()
    );
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", &place, "--command", statement]);
    told(command.env("PGPASSWORD", password.trim()))
}

/// The answer of `redis-cli` to one command: a line an element.
///
/// # Panics
/// When it refuses.
#[must_use]
pub fn redis(at: &Redis, words: &[&str]) -> String {
    let password = std::fs::read_to_string(&at.password_file).expect("a password");
    let mut command = Command::new("redis-cli");
    command.args(["-h", &at.host, "-p", &at.port.to_string(), "--user", &at.user, "--tls", "--cacert"]);
    told(command.arg(&at.ca).args(words).env("REDISCLI_AUTH", password.trim()))
}

/// The answer of Druid's broker to one statement: JSON, an array of rows.
///
/// # Panics
/// When it refuses.
#[must_use]
pub fn druid(at: &Druid, statement: &str) -> String {
    let url = format!("{}/druid/v2/sql", at.broker);
    let question = serde_json::json!({ "query": statement }).to_string();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "20"]);
    told(command.args(["--json", &question, &url]))
}

fn told(command: &mut Command) -> String {
    let output = command.output().expect("it is installed: cargo xtask doctor");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {complaint}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
