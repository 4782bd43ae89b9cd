//! Connections in, until told to stop; then a drain with a deadline. What is left is cancelled by closing.

use crate::limits::{CONNECTIONS, HEAD_BYTES, HEAD_TIME, HEADERS, PATIENCE, RESERVED_CONNECTIONS};
use crate::service::Service;
use footfall_daemon::descriptors::{limit, most_connections};
use footfall_http_server::{Limits, Metrics, Server};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop`, then lets requests under way end for at most `drain`.
pub async fn serve(listener: TcpListener, service: Arc<Service>, stop: CancellationToken, drain: Duration) {
    let connections = most_connections(limit(), CONNECTIONS);
    let limits = Limits {
        reserved: RESERVED_CONNECTIONS.min(connections / 4),
        idle: HEAD_TIME,
        head: HEAD_TIME,
        head_bytes: HEAD_BYTES,
        headers: HEADERS,
        patience: PATIENCE,
        drain,
        ..Limits::of(connections)
    };
    let answer = move |request, peer| {
        let service = Arc::clone(&service);
        async move { service.answer(request, &peer).await }
    };
    Server::new(limits, |_| false, Metrics::default()).serve(listener, answer, stop).await;
}
