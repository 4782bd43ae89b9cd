//! A listener with short deadlines, what it serves, and clients that behave badly.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use footfall_http_server::{BodyError, Limits, Metrics, Peer, RequestBody, Server};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, Interval, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];
/// Longer than any deadline of [`limits`].
pub(crate) const LONG: Duration = Duration::from_secs(15);

/// Deadlines that a test can wait for.
pub(crate) fn limits(connections: usize) -> Limits {
    Limits {
        idle: Duration::from_secs(2),
        head: Duration::from_secs(1),
        patience: Duration::from_secs(1),
        drain: Duration::from_secs(1),
        ..Limits::of(connections)
    }
}

/// A listener that runs until it is dropped.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) stop: CancellationToken,
    pub(crate) task: AbortOnDropHandle<()>,
}

/// Serves within `limits`; 127.0.0.9 is a trusted proxy.
pub(crate) async fn listen(limits: Limits) -> Listener {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, stop) = (listener.local_addr().expect("bound"), CancellationToken::new());
    let metrics = Metrics::default();
    let proxy = IpAddr::from([127, 0, 0, 9]);
    let server = Server::new(limits, move |address| address == proxy, metrics.clone());
    let until = stop.clone();
    let task = tokio::spawn(async move { server.serve(listener, answer, until).await });
    Listener { address, metrics, stop, task: AbortOnDropHandle::new(task) }
}

/// What an answer consists of.
pub(crate) enum Answer {
    Whole(Full<Bytes>),
    /// So many pieces of 64 KiB, as fast as they are taken.
    Much(usize),
    /// A heartbeat at each tick.
    Beats(Interval),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(context),
            Self::Much(0) => Poll::Ready(None),
            Self::Much(left) => {
                *left -= 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE)))))
            }
            Self::Beats(ticks) => {
                ticks.poll_tick(context).map(|_| Some(Ok(Frame::data(Bytes::from_static(b":\n")))))
            }
        }
    }
}

/// `/`: the length of the body, or 408. `/much`: 64 MiB. `/beats`: without end. `key: right` is a credential.
async fn answer(request: Request<RequestBody>, peer: Peer) -> Response<Answer> {
    if request.headers().get("key").is_some_and(|key| key == "right") {
        peer.prove();
    }
    match request.uri().path() {
        "/much" => Response::new(Answer::Much(1024)),
        "/beats" => Response::new(Answer::Beats(interval(Duration::from_millis(200)))),
        _ => match request.into_body().collect().await {
            Ok(body) => Response::new(Answer::Whole(Full::from(body.to_bytes().len().to_string()))),
            Err(error) => {
                assert!(matches!(error, BodyError::Slow | BodyError::Broken(_)));
                let mut response = Response::new(Answer::Whole(Full::default()));
                *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                response
            }
        },
    }
}

/// One connection of a client.
pub(crate) struct Client(pub(crate) TcpStream);

impl Listener {
    /// Connects from 127.0.0.1.
    pub(crate) async fn client(&self) -> Client {
        self.client_at(1).await
    }

    /// Connects from 127.0.0.`last`.
    pub(crate) async fn client_at(&self, last: u8) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).expect("loopback");
        Client(socket.connect(self.address).await.expect("connects"))
    }

    /// Whether somebody new is answered.
    pub(crate) async fn answers(&self, last: u8) -> bool {
        let mut client = self.client_at(last).await;
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        client.status().await == Some(200)
    }
}

impl Client {
    /// Sends; that the other end has gone is seen by reading.
    pub(crate) async fn send(&mut self, text: &str) {
        let _ = self.0.write_all(text.as_bytes()).await;
    }

    /// The status of the next answer, of which nothing more is read; nothing if the connection ends without one.
    pub(crate) async fn status(&mut self) -> Option<u16> {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.len() < 12 {
            match timeout(LONG, self.0.read(&mut byte)).await.expect("in time") {
                Ok(1) => line.push(byte[0]),
                _ => return None,
            }
        }
        String::from_utf8_lossy(&line[9..]).parse().ok()
    }

    /// How long the other end leaves the connection open.
    pub(crate) async fn closed_after(&mut self) -> Duration {
        let since = Instant::now();
        let mut bytes = [0; 4096];
        let end = async { while matches!(self.0.read(&mut bytes).await, Ok(read) if read > 0) {} };
        timeout(LONG, end).await.expect("closed in time");
        since.elapsed()
    }
}
