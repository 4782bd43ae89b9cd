//! The event store: ClickHouse's HTTP interface, embedded or remote, and its migrations.
