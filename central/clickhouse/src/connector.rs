//! Connections to a server, over TLS where its URL says https. The client crate and the health check use the same. None are made to the
//! address of a child that does not run: another process may have taken its port, and would be shown the password.

use std::future::ready;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;

use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::watch;
use tower_service::Service;

use super::server_status::ServerStatus;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are probed after this, so that one whose server is gone is noticed.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// ClickHouse closes idle connections after three seconds; ours are closed before.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes connections; where they are to a child of this process, only while it serves.
#[derive(Clone)]
pub(super) struct Connector {
    made: Made,
    child: Option<watch::Receiver<ServerStatus>>,
}

type Made = HttpsConnector<HttpConnector>;

impl Service<Uri> for Connector {
    type Response = <Made as Service<Uri>>::Response;
    type Error = <Made as Service<Uri>>::Error;
    type Future = <Made as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.made.poll_ready(context)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        match &self.child {
            Some(child) if child.borrow().pid.is_none() => Box::pin(ready(Err(NotRunning.into()))),
            _ => self.made.call(url),
        }
    }
}

/// The child has ended, or is not ready yet.
#[derive(Debug, thiserror::Error)]
#[error("the event store is not running")]
struct NotRunning;

/// Makes connections to a URL, which trust the certificates of `ca`, or the system's. `child`: the status of the child that serves there,
/// where it is one.
///
/// # Errors
/// When the file cannot be read, or there is no certificate to trust.
pub(super) fn connector(
    url: &str,
    ca: Option<&Path>,
    child: Option<watch::Receiver<ServerStatus>>,
) -> io::Result<Connector> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let config = match ca {
        Some(ca) => builder.with_root_certificates(roots(ca)?),
        None if url.starts_with("https:") => builder.with_native_roots()?,
        // Without TLS nobody has to be trusted; a machine without certificates will do.
        None => builder.with_root_certificates(RootCertStore::empty()),
    };
    let mut tcp = HttpConnector::new();
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let builder = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
    Ok(Connector { made: builder.https_or_http().enable_http1().wrap_connector(tcp), child })
}

fn roots(ca: &Path) -> io::Result<RootCertStore> {
    let named =
        |reason: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", ca.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|error| named(error.to_string()))? {
        let certificate = certificate.map_err(|error| named(error.to_string()))?;
        roots.add(certificate).map_err(|error| named(error.to_string()))?;
    }
    if roots.is_empty() { Err(named("there is no certificate in it".to_owned())) } else { Ok(roots) }
}
