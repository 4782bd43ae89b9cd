//! Carries TCP connections to one server over a way that can be cut, stalled and slowed, and that speaks TLS to clients if it is told to:
//! what a network and a proxy do. Knows nothing of what is carried.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// How fast bytes are carried. The default carries all there are at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Time that each piece takes.
    pub delay: Duration,
    /// Most time that a piece takes beyond `delay`, as the seed tells.
    pub jitter: Duration,
    /// Most bytes carried at once; how many, the seed tells.
    pub piece: usize,
    /// Nothing is carried, and the connections stay.
    pub stalled: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { delay: Duration::ZERO, jitter: Duration::ZERO, piece: 64 << 10, stalled: false }
    }
}

/// A way to a server; it ends when dropped.
pub struct TcpRelay {
    address: SocketAddr,
    tls: bool,
    carrier: Carrier,
    carrying: JoinHandle<()>,
}

/// What every connection is carried by.
#[derive(Clone)]
struct Carrier {
    server: SocketAddr,
    tls: Option<TlsAcceptor>,
    pace: watch::Sender<Pace>,
    seed: u64,
    connections: Arc<AtomicU64>,
}

impl TcpRelay {
    /// To the server at this address; clients must speak TLS where a configuration for it is given.
    pub async fn start(server: SocketAddr, tls: Option<Arc<rustls::ServerConfig>>, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let carrier = Carrier {
            server,
            tls: tls.map(TlsAcceptor::from),
            pace: watch::Sender::new(Pace::default()),
            seed,
            connections: Arc::default(),
        };
        let carrying = tokio::spawn(carrier.clone().run(listener));
        Self { address, tls: carrier.tls.is_some(), carrier, carrying }
    }

    /// Where clients find the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same for clients that speak HTTP.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// How fast bytes are carried from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.carrier.pace.send_replace(pace);
    }

    /// Breaks every connection and takes no more.
    pub async fn cut(&mut self) {
        self.carrying.abort();
        // It ends as it was told to.
        let _ = (&mut self.carrying).await;
    }

    /// Takes connections again.
    pub async fn heal(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is free again");
        self.carrying = tokio::spawn(self.carrier.clone().run(listener));
    }
}

impl Drop for TcpRelay {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

impl Carrier {
    async fn run(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let carrier = self.clone();
            connections.spawn(async move {
                match &carrier.tls {
                    Some(tls) => match tls.accept(client).await {
                        Ok(client) => carrier.join(client).await,
                        Err(error) => println!("no TLS: {error}"),
                    },
                    None => carrier.join(client).await,
                }
            });
        }
    }

    async fn join(&self, client: impl AsyncRead + AsyncWrite) {
        let Ok(server) = TcpStream::connect(self.server).await else { return };
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let mut random = Rng::with_seed(self.seed.wrapping_add(number));
        let (from_client, to_client) = split(client);
        let (from_server, to_server) = server.into_split();
        // Either side may end it as it likes.
        let _ = tokio::try_join!(
            self.carry(from_client, to_server, random.fork()),
            self.carry(from_server, to_client, random),
        );
    }

    /// One direction of a connection.
    async fn carry(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        mut random: Rng,
    ) -> std::io::Result<()> {
        let mut paces = self.pace.subscribe();
        let mut buffer = Vec::new();
        loop {
            let pace = *paces.wait_for(|pace| !pace.stalled).await.map_err(std::io::Error::other)?;
            let most = if pace == Pace::default() { pace.piece } else { random.usize(1..=pace.piece) };
            buffer.resize(most, 0);
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            let time = pace.delay + pace.jitter.mul_f64(random.f64());
            if !time.is_zero() {
                tokio::time::sleep(time).await;
            }
            paces.wait_for(|pace| !pace.stalled).await.map_err(std::io::Error::other)?;
            to.write_all(&buffer[..length]).await?;
            to.flush().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends back what it gets.
    async fn server() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    /// Whether these bytes come back within a tenth of a second, and nothing else.
    async fn echo(stream: &mut TcpStream, bytes: &[u8]) -> bool {
        stream.write_all(bytes).await.expect("sent");
        let mut back = vec![0; bytes.len()];
        let read = tokio::time::timeout(Duration::from_millis(100), stream.read_exact(&mut back)).await;
        matches!(read, Ok(Ok(_))) && back == bytes
    }

    #[tokio::test]
    async fn what_is_carried_in_small_pieces_arrives_whole_and_in_order() {
        let relay = TcpRelay::start(server().await, None, 3).await;
        relay.set_pace(Pace { piece: 7, ..Pace::default() });
        let mut stream = TcpStream::connect(relay.address()).await.expect("connected");
        let bytes: Vec<u8> = (0..5_000).map(|number: u32| number as u8).collect();
        let (mut from, mut to) = stream.split();
        let mut back = Vec::new();
        let send = async {
            to.write_all(&bytes).await.expect("sent");
            to.shutdown().await.expect("ended");
        };
        let ((), read) = tokio::join!(send, from.read_to_end(&mut back));
        read.expect("read to the end that the server saw");
        assert_eq!(back, bytes);
    }

    #[tokio::test]
    async fn a_stalled_connection_stays_and_goes_on() {
        let relay = TcpRelay::start(server().await, None, 3).await;
        let mut stream = TcpStream::connect(relay.address()).await.expect("connected");
        assert!(echo(&mut stream, b"before").await);
        relay.set_pace(Pace { stalled: true, ..Pace::default() });
        assert!(!echo(&mut stream, b"while").await);
        relay.set_pace(Pace::default());
        let mut back = [0; 5];
        stream.read_exact(&mut back).await.expect("it comes after all");
        assert_eq!(&back, b"while");
    }

    #[tokio::test]
    async fn a_cut_breaks_connections_and_refuses_more_until_it_is_healed() {
        let mut relay = TcpRelay::start(server().await, None, 3).await;
        let mut stream = TcpStream::connect(relay.address()).await.expect("connected");
        assert!(echo(&mut stream, b"before").await);
        relay.cut().await;
        assert!(!matches!(stream.read(&mut [0]).await, Ok(1..)));
        assert!(TcpStream::connect(relay.address()).await.is_err());
        relay.heal().await;
        let mut stream = TcpStream::connect(relay.address()).await.expect("connected again");
        assert!(echo(&mut stream, b"after").await);
    }
}
