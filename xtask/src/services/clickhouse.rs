//! ClickHouse: two of the project's own `event-store` processes, each of which is a shard of one replica.

use super::client::curl;
use super::process::Launch;
use super::{Context, DATABASE, USER};
use crate::{fetch, file};

/// For all statements of one shard together, in bytes.
const MEMORY: u64 = 1 << 30;

/// Says how to start one shard.
pub(super) fn prepare(context: &Context, name: &str, shard: usize) -> anyhow::Result<Launch> {
    let library = fetch::engine()?;
    let folder = context.layout.server(name);
    file::private_folder(&folder.join("data"))?;
    let password = context.layout.password("clickhouse")?;
    let headers = format!(
        "header = \"X-ClickHouse-User: {USER}\"\nheader = \"X-ClickHouse-Key: {password}\"\nmax-time = 5\n"
    );
    file::write(&context.layout.client_settings("clickhouse"), headers.as_bytes(), 0o600)?;
    let arguments = [
        ("--data", folder.join("data").display().to_string()),
        ("--listen", format!("127.0.0.1:{}", context.ports.clickhouse[shard])),
        ("--library", library.display().to_string()),
        ("--database", DATABASE.to_owned()),
        ("--user", USER.to_owned()),
        ("--password-file", context.layout.password_file("clickhouse").display().to_string()),
        ("--max-memory", MEMORY.to_string()),
    ];
    Ok(Launch {
        program: context.binaries.join("event-store"),
        arguments: arguments.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect(),
        folder,
        environment: vec![],
        owner: None,
    })
}

/// Runs a statement that takes the password.
pub(super) fn ask(context: &Context, shard: usize) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/", context.ports.clickhouse[shard]);
    let settings = context.layout.client_settings("clickhouse");
    let statement = ["--data-binary", "SHOW DATABASES"];
    let (status, body) = curl(&settings, &statement, &url)?;
    anyhow::ensure!(
        status == 200 && body.lines().any(|line| line == DATABASE),
        "it answers {status}: {body}"
    );
    Ok(())
}
