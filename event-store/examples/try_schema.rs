//! Whether a schema would do on a replicated cluster, without one: each statement is parsed as it stands, then run without its
//! `ON CLUSTER` against the engine's test keeper. Nothing is kept; replicated tables made here can never be written.
//!
//! ```sh
//! echo '["CREATE TABLE …", …]' | try_schema LIBCHDB CLUSTER DATABASE      # prints [{"parsed":null,"ran":null}, …], or the errors
//! ```

use anyhow::{Context as _, Result, ensure};
use footfall_event_store::engine::{Connection, Library};
use std::io::Write as _;
use std::path::Path;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, cluster, database] = arguments.as_slice() else {
        anyhow::bail!("arguments: LIBCHDB CLUSTER DATABASE");
    };
    let statements: Vec<String> =
        serde_json::from_reader(std::io::stdin()).context("a JSON list of statements")?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.xml");
    std::fs::write(&config, configuration(cluster))?;
    let engine = [
        format!("--path={}", folder.path().join("engine").display()),
        format!("--config-file={}", config.display()),
    ];
    let mut connection = Connection::open(Library::load(Path::new(library))?, &engine)?;
    let mut run = |sql: &str| {
        connection.query(sql.as_bytes(), "TabSeparated", &[]).err().map(|exception| exception.to_string())
    };
    let prepared =
        run(&format!("CREATE DATABASE IF NOT EXISTS {database}")).or_else(|| run(&format!("USE {database}")));
    ensure!(prepared.is_none(), "{prepared:?}");
    let outcome = |sql: &String| {
        let parsed = run(&format!("EXPLAIN AST {sql}"));
        let ran = run(&sql.replace(&format!(" ON CLUSTER {cluster}"), ""));
        serde_json::json!({ "parsed": parsed, "ran": ran })
    };
    let outcomes: Vec<_> = statements.iter().map(outcome).collect();
    writeln!(std::io::stdout(), "{}", serde_json::Value::from(outcomes))?;
    std::io::stdout().flush()?;
    drop(folder);
    leave()
}

/// One shard of one replica, this process: it counts as local, so that nothing is connected to.
fn configuration(cluster: &str) -> String {
    format!(
        "<clickhouse>\n\
         \x20 <zookeeper><implementation>testkeeper</implementation></zookeeper>\n\
         \x20 <tcp_port>9000</tcp_port>\n\
         \x20 <macros><shard>01</shard><replica>replica-1</replica></macros>\n\
         \x20 <distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>\n\
         \x20 <remote_servers><{cluster}><shard><internal_replication>true</internal_replication>\n\
         \x20   <replica><host>localhost</host><port>9000</port></replica></shard></{cluster}></remote_servers>\n\
         </clickhouse>\n"
    )
}

/// Ends the process at once: closing the engine crashes once a replicated table existed.
fn leave() -> ! {
    unsafe extern "C" {
        fn _exit(code: std::ffi::c_int) -> !;
    }
    // SAFETY: it takes any code and does not return; nothing is left to be flushed or removed.
    unsafe { _exit(0) }
}
