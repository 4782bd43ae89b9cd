//! The ports of a central, bound together: a predecessor's are waited for.

use std::io;

use anyhow::Context as _;
use footfall_daemon::exit::Exit;
use footfall_daemon::port;
use tokio::net::TcpListener;

use super::PREDECESSOR;
use super::check::Unfit;
use crate::config::Config;
use crate::ingest;

/// Bound, and not served yet.
pub(super) struct Sockets {
    /// The dashboard and the API.
    pub(super) http: TcpListener,
    /// The metrics, where they have an address of their own.
    pub(super) metrics: Option<TcpListener>,
    /// The edges.
    pub(super) relay: quinn::Endpoint,
}

impl Sockets {
    /// Binds them.
    ///
    /// # Errors
    /// [`Exit`] with the code of a wrong configuration where an address cannot be bound, however long it is waited for.
    pub(super) async fn bind(config: &Config) -> Result<Self, Exit> {
        let unfit = |key| move |source| Exit::usage(Unfit::Port { key, source });
        let http = port::listen(config.http.listen, PREDECESSOR).await.map_err(unfit("http.listen"))?;
        let metrics = match config.http.metrics_listen {
            Some(address) => {
                Some(port::listen(address, PREDECESSOR).await.map_err(unfit("http.metrics_listen"))?)
            }
            None => None,
        };
        let tls = ingest::endpoint::configure(&config.relay).context("the relay")?;
        let address = config.relay.listen;
        let relay = port::bind_with_retry(PREDECESSOR, async || ingest::endpoint::bind(address, tls.clone()));
        let refused = |error: io::Error| unfit("relay.listen")(port::refusal(address, &error));
        Ok(Self { http, metrics, relay: relay.await.map_err(refused)? })
    }
}
