//! The event store: ClickHouse's HTTP interface, served by a child process that is supervised here, or by servers elsewhere, shard by
//! shard and replica by replica; its schema, inserts and questions, for any table. Knows no table and nothing of the log itself.
//!
//! Begin with [`EventStore`]. A table is a [`TableDefinition`]: a [`Table`] with its columns, made by [`table!`] together with the type of its
//! rows, and the migrations that make it.

mod block;
mod child;
mod child_message;
mod column;
mod connector;
mod error;
mod event_store;
mod health_check;
mod insert_probe;
mod layout;
mod migration;
mod partition_statements;
mod partition_writer;
mod pid_file;
mod query_client;
mod replica_selector;
mod running;
mod schema;
mod select;
mod server;
mod server_status;
mod shard;
mod staging_table;
mod statement;
mod table;
mod value;

/// What deriving [`Row`] in another crate names: `#[clickhouse(crate = "footfall_clickhouse::client")]`.
#[doc(hidden)]
pub use ::clickhouse as client;
pub use block::{Block, BlockBuilder};
pub use child::Program;
pub use column::{Column, RowWriter};
pub use error::StoreError;
pub use event_store::{Backend, EventStore, Options, Servers};
pub use layout::Layout;
pub use migration::{MigrationError, SchemaMismatch};
pub use partition_statements::PartitionStatements;
pub use partition_writer::{Coordinate, PartitionWriter};
pub use query_client::{Answer, QueryClient, QueryError, Row};
pub use schema::{Migration, Schema, TableDefinition};
pub use select::{Filter, Order, Select};
pub use shard::shard_of;
pub use staging_table::{StagingTable, StoredDay};
pub use statement::{Limits, Statement, Value};
pub use table::{Table, TableRow};
pub use value::{ColumnValue, Ipv6, Millis, Uuid};
