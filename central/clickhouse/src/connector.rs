//! Connections to a server, over TLS where its URL says https. The client crate and the health check use the same.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are probed after this, so that one whose server is gone is noticed.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// ClickHouse closes idle connections after three seconds; ours are closed before.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes connections to a URL, which trust the certificates of `ca`, or the system's.
///
/// # Errors
/// When the file cannot be read, or there is no certificate to trust.
pub(super) fn connector(url: &str, ca: Option<&Path>) -> io::Result<HttpsConnector<HttpConnector>> {
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
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
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
