//! Tries now and then the way that an insert takes: to each server, with the password, an insert without rows into each table. It changes
//! nothing; what refuses it would refuse rows as well. That a server answers a ping says nothing of that. Knows no table of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::block::BlockBuilder;
use super::error::StoreError;
use super::partition_writer::with_quorum;
use super::schema::Schema;
use super::server::Server;
use super::server_status::ServerStatus;
use super::shard::Shard;
use super::table::Table;

/// From one attempt that worked to the next.
const PERIOD: Duration = Duration::from_secs(15);
/// From one that did not.
const AGAIN: Duration = Duration::from_secs(2);
/// How long an insert without rows may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs for ever, once the shard's tables are there. While the server does not answer at all, its health check says so.
pub(super) async fn run(
    shard: &Shard,
    server: &Server,
    schema: &Schema,
    status: Arc<watch::Sender<ServerStatus>>,
) {
    shard.ready().await;
    loop {
        server.wait_until_available().await;
        let mut inserting = Ok(());
        for definition in schema.tables {
            inserting = inserting.and(attempt(shard, server, definition.table).await);
        }
        let again = if inserting.is_ok() { PERIOD } else { AGAIN };
        let inserting = inserting
            .map_err(|reason| format!("the event store at {} takes no inserts: {reason}", server.url()));
        status.send_if_modified(|status| {
            let changed = status.inserting != inserting;
            if let (true, Err(reason)) = (changed, &inserting) {
                tracing::error!(reason, "an insert without rows does not get through");
            }
            status.inserting = inserting;
            changed
        });
        sleep(again).await;
    }
}

async fn attempt(shard: &Shard, server: &Server, table: &'static Table) -> Result<(), String> {
    match timeout(PATIENCE, insert_nothing(shard, server, table)).await {
        Ok(tried) => tried.map_err(|error| error.reason())?,
        Err(_) => {
            return Err(format!(
                "one without rows was not done in {} s: see in system.processes what it is busy with, or start it again",
                PATIENCE.as_secs()
            ));
        }
    }
    // Without its keeper a replica still takes an insert that has nothing to say. Whoever may not look is not told.
    let read_only = "SELECT count() FROM system.replicas WHERE database = currentDatabase() AND table = {table:String} AND is_readonly";
    let question = server.writer().query_raw(read_only).param("table", table.name());
    if shard.is_replicated()
        && let Ok(Ok(1..)) = timeout(PATIENCE, question.fetch_one::<u64>()).await
    {
        return Err(format!(
            "its table {} is read-only, as it is without its keeper: look after the keeper",
            table.name()
        ));
    }
    Ok(())
}

async fn insert_nothing(shard: &Shard, server: &Server, table: &'static Table) -> Result<(), StoreError> {
    let insert = server.writer().insert_formatted_with(table.insert_into(table.name()));
    let insert = with_quorum(insert.with_setting("async_insert", "0"), shard);
    server.insert(insert, &BlockBuilder::new(table).finish()).await
}
