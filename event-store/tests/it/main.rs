//! The embedded ClickHouse from outside: a real process, a real engine, unmodified clients. No table of Footfall's.

mod attacks;
mod client_requests;
mod clients_that_leave;
mod clients_that_overdo;
mod curl;
mod full_disk_and_load;
mod javascript_client;
mod lifecycle;
mod native_revisions;
mod official_clients;
mod power_loss;
mod random_requests;
mod readers;
mod rust_client;
mod server;
mod several_at_once;
mod side_by_side;
mod synced_disk;
mod web_pages;
