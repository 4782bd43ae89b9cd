//! The QUIC endpoint towards central: identity, transport settings, socket. Knows nothing of records.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use footfall_daemon::certificate::Usage;
use footfall_daemon::certificate::files::{FileFault, Named};
use footfall_proto::limits::{MAX_FRAME_BYTES, RELAY_ALPN};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, TokioRuntime, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::UnixTime;
use socket2::SockRef;

use crate::config::Central;

/// A peer that is silent for so long is gone. Our own last packet restarts the count once, so that it is noticed up
/// to a second later.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// Silence is broken this often.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Longest time for a handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Asked of the kernel for the socket's buffers: the default loses packets even on loopback.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// The edge's identity and whom it believes.
#[derive(Clone, Debug)]
pub struct Tls {
    /// As connections are made.
    pub config: Arc<rustls::ClientConfig>,
    /// The common name of the certificate: the edge's id.
    pub edge_id: String,
    /// When the certificate expires, seconds since 1970.
    pub expiry: Option<i64>,
}

/// Reads the edge's certificate and judges it as central will, at `now`.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn tls(central: &Central, now: UnixTime) -> Result<Tls, TlsError> {
    let files = central.files();
    let identity = files.check(Usage::Client, now)?;
    let edge_id = files.common_name(&identity)?;
    let mut roots = RootCertStore::empty();
    for authority in Named::new("central.ca", &central.ca).certificates()? {
        roots.add(authority).map_err(TlsError::Identity)?;
    }
    let expiry = identity.expiry();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Identity)?
        .with_root_certificates(roots)
        .with_client_auth_cert(identity.chain, identity.key)
        .map_err(TlsError::Identity)?;
    config.alpn_protocols = vec![RELAY_ALPN.to_vec()];
    Ok(Tls { config: Arc::new(config), edge_id, expiry })
}

/// An endpoint that can connect to `remote`.
pub(super) fn endpoint(tls: &Arc<rustls::ClientConfig>, remote: SocketAddr) -> io::Result<Endpoint> {
    let local: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((local, 0))?;
    let buffers = SockRef::from(&socket);
    // The kernel cuts what is over its own limit; less is slower, not wrong.
    if let Err(error) = buffers
        .set_recv_buffer_size(SOCKET_BUFFER_BYTES)
        .and_then(|()| buffers.set_send_buffer_size(SOCKET_BUFFER_BYTES))
    {
        tracing::debug!(%error, "the UDP buffers stay as they are");
    }
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(KEEP_ALIVE));
    transport.max_idle_timeout(Some(IDLE_TIMEOUT.try_into().map_err(io::Error::other)?));
    transport.send_window(2 * MAX_FRAME_BYTES as u64);
    let crypto = QuicClientConfig::try_from(Arc::clone(tls)).map_err(io::Error::other)?;
    let mut client = ClientConfig::new(Arc::new(crypto));
    client.transport_config(Arc::new(transport));
    let mut endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))?;
    endpoint.set_default_client_config(client);
    Ok(endpoint)
}

/// A connection to central, its name looked up anew.
pub(super) async fn connect(
    tls: &Arc<rustls::ClientConfig>,
    central: &Central,
) -> Result<(Endpoint, Connection), ConnectError> {
    let attempt = async {
        let remote = tokio::net::lookup_host(&central.address).await?.next();
        let remote =
            remote.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?;
        let endpoint = endpoint(tls, remote)?;
        let connection = endpoint.connect(remote, &central.server_name)?.await?;
        Ok((endpoint, connection))
    };
    tokio::time::timeout(CONNECT_TIMEOUT, attempt).await.map_err(|_| ConnectError::Slow)?
}

/// Why there is no connection. All are transient as far as the edge can tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Connect(#[from] quinn::ConnectError),
    #[error("{0}")]
    Connection(#[from] quinn::ConnectionError),
    #[error("no answer within {CONNECT_TIMEOUT:?}")]
    Slow,
}

/// Certificates or keys are of no use. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the files.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The files do not make an identity.
    #[error(
        "`central.certificate`, `central.key` and `central.ca` do not fit together ({0}): name files that do"
    )]
    Identity(#[source] rustls::Error),
}
