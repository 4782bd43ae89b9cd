//! A way to a server that can be cut, and that speaks TLS if it is told to: what a network and a proxy do.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// It ends when dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    target: SocketAddr,
    tls: Option<TlsAcceptor>,
    carrying: JoinHandle<()>,
}

impl Relay {
    /// To the server at this URL.
    pub(crate) async fn start(url: &str, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let target = url.strip_prefix("http://").expect("a URL").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tls = tls.map(TlsAcceptor::from);
        let carrying = tokio::spawn(carry(listener, target, tls.clone()));
        Self { address, target, tls, carrying }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Breaks every connection and takes no more.
    pub(crate) async fn cut(&mut self) {
        self.carrying.abort();
        // It ends as it was told to.
        let _ = (&mut self.carrying).await;
    }

    /// Takes connections again.
    pub(crate) async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is free again");
        self.carrying = tokio::spawn(carry(listener, self.target, self.tls.clone()));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry(listener: TcpListener, target: SocketAddr, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let tls = tls.clone();
        connections.spawn(async move {
            match tls {
                Some(tls) => match tls.accept(client).await {
                    Ok(client) => join(client, target).await,
                    Err(error) => println!("no TLS: {error}"),
                },
                None => join(client, target).await,
            }
        });
    }
}

async fn join(mut client: impl AsyncRead + AsyncWrite + Unpin, target: SocketAddr) {
    if let Ok(mut server) = TcpStream::connect(target).await {
        // Either side may end it as it likes.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
