//! The QUIC endpoint: addresses, certificates and transport limits. Knows no frame.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use footfall_daemon::certificate::files::{FileFault, Files, Named};
use footfall_proto::limits::{MAX_FRAME_BYTES, MAX_HELLO_BYTES, RELAY_ALPN};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{EndpointConfig, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;

/// Size of the socket's buffers, bytes: at the default, loopback loses packets under load.
const SOCKET_BYTES: usize = 8 << 20;
/// A silent edge is given up after this.
const IDLE: Duration = Duration::from_secs(20);
/// How often a quiet connection is kept alive.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Where the relay listens and what proves who is who.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address and port, UDP.
    pub listen: SocketAddr,
    /// Central's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The authority that signs edges' certificates, PEM.
    pub ca: PathBuf,
    /// The authority of central's own certificate, PEM, where it is another.
    pub certificate_ca: Option<PathBuf>,
}

impl Options {
    /// The files that prove who central is, with the keys that name them.
    pub fn files(&self) -> Files {
        let authority = match &self.certificate_ca {
            Some(path) => Named::new("relay.certificate_ca", path),
            None => Named::new("relay.ca", &self.ca),
        };
        Files {
            certificate: Named::new("relay.certificate", &self.certificate),
            key: Named::new("relay.key", &self.key),
            authority,
        }
    }
}

/// Reads keys and certificates, without opening a port. Whether a peer will accept them is judged elsewhere ([`Files::check`]).
///
/// # Errors
/// [`EndpointError`], permanent.
pub fn configure(options: &Options) -> Result<ServerConfig, EndpointError> {
    let identity = options.files().read()?;
    let mut roots = RootCertStore::empty();
    for certificate in Named::new("relay.ca", &options.ca).certificates()? {
        roots.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let edges =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(edges)
        .with_single_cert(identity.chain, identity.key)?;
    tls.alpn_protocols = vec![RELAY_ALPN.to_vec()];
    // Data sent before the handshake is over could be replayed by anybody.
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(|_| EndpointError::Cipher)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

fn transport() -> TransportConfig {
    let frame = VarInt::from_u32(MAX_FRAME_BYTES as u32);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(frame)
        // Until the edge has greeted; then as much as one frame.
        .receive_window(VarInt::from_u32(2 * MAX_HELLO_BYTES as u32))
        .max_idle_timeout(Some(IDLE.try_into().expect("20 s fit")))
        .keep_alive_interval(Some(KEEP_ALIVE));
    transport
}

/// Opens the port. Needs a runtime.
///
/// # Errors
/// What the operating system says, such as [`io::ErrorKind::AddrInUse`].
pub fn bind(listen: SocketAddr, config: ServerConfig) -> io::Result<quinn::Endpoint> {
    let socket = UdpSocket::bind(listen)?;
    let buffers = socket2::SockRef::from(&socket);
    // The kernel grants what its own limit allows.
    buffers.set_recv_buffer_size(SOCKET_BYTES)?;
    buffers.set_send_buffer_size(SOCKET_BYTES)?;
    quinn::Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))
}

/// Why the endpoint cannot be configured. Permanent until the files change.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A certificate or a key.
    #[error(transparent)]
    File(#[from] FileFault),
    /// Key and certificate do not fit together, or cannot be used.
    #[error(
        "`relay.certificate` and `relay.key` cannot be used ({0}): name a certificate and the key that it was issued for"
    )]
    Tls(#[from] rustls::Error),
    /// The authority cannot verify anybody.
    #[error(
        "`relay.ca` cannot be used ({0}): name the certificate of the authority that signs the edges' certificates"
    )]
    Authority(#[from] rustls::server::VerifierBuilderError),
    /// No cipher that QUIC begins with.
    #[error("the TLS provider lacks the cipher that QUIC begins with")]
    Cipher,
}
