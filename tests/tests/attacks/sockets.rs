//! Connections that send too little, or take too little, at any listener; and what becomes of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::Target;

/// Beyond every deadline of the listeners.
const LONGEST: Duration = Duration::from_secs(90);
/// Connections from one address.
const OF_ONE: usize = 40;
/// For a connection to be taken by a queue that is full.
const CONNECT: Duration = Duration::from_secs(10);

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Idle,
    /// A head, a byte a second.
    Head,
    /// A body, a byte a second.
    Body,
    /// Many requests, and no answer is read.
    Reading,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Idle, Self::Head, Self::Body, Self::Reading];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Idle => "connections that send nothing",
            Self::Head => "slow heads",
            Self::Body => "slow bodies",
            Self::Reading => "answers not read",
        }
    }

    /// What is sent at once. Each listener gets what it answers at length.
    fn first(self, door: &str) -> String {
        let body = if door == "store" { "/?query=" } else { "/e" };
        let large = match door {
            "edge" => "/footfall.wasm",
            "central" => "/assets/dashboard.js",
            _ => "/?query=SELECT+repeat('x',100)+FROM+numbers(100000)",
        };
        match self {
            Self::Idle => String::new(),
            Self::Head => "GET / HTTP/1.1\r\nhost: localhost\r\nx: ".to_owned(),
            Self::Body => {
                format!("POST {body} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n")
            }
            Self::Reading => format!("GET {large} HTTP/1.1\r\nhost: localhost\r\n\r\n").repeat(400),
        }
    }
}

/// From addresses of their own, so that nobody else pays for them.
pub(crate) async fn connect(number: usize, address: &str) -> Option<TcpStream> {
    let address: SocketAddr = address.parse().expect("an address");
    let own = Ipv4Addr::new(127, 0, 1 + (number / OF_ONE / 250) as u8, 2 + (number / OF_ONE % 250) as u8);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((own, 0).into()).expect("loopback");
    timeout(CONNECT, socket.connect(address)).await.ok()?.ok()
}

/// Opens them, behaves, and says how many the listener closed, and when the last.
pub(crate) async fn attack(kind: Kind, door: &str, address: &str, target: &Target) -> String {
    let count = if kind == Kind::Idle { target.idle } else { target.slow };
    // The short form does not wait for deadlines.
    let until_closed = target.lasts > Duration::from_secs(10);
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let Some(stream) = connect(number, address).await else { continue };
        let (first, lasts) = (kind.first(door), if until_closed { LONGEST } else { target.lasts });
        tasks.spawn(async move {
            let closed = timeout(lasts, behave(kind, stream, first)).await.is_ok();
            closed.then(|| began.elapsed())
        });
    }
    let (opened, mut closed, mut last) = (tasks.len(), 0, Duration::ZERO);
    while let Some(ended) = tasks.join_next().await {
        if let Some(after) = ended.expect("no attacker panics") {
            closed += 1;
            last = last.max(after);
        }
    }
    if until_closed {
        assert_eq!(closed, opened, "{door}, {}: still open after {LONGEST:?}", kind.name());
    }
    format!(
        "{opened} connections, {closed} closed by the listener, the last after {:.1} s",
        last.as_secs_f64()
    )
}

/// Returns when the listener has closed the connection.
async fn behave(kind: Kind, mut stream: TcpStream, first: String) {
    if kind == Kind::Reading {
        // It takes what it can be made to take, and no answer.
        let mut pace = interval(Duration::from_millis(500));
        loop {
            pace.tick().await;
            // An answer is there to be read, and is left: that the connection has ended is seen by writing.
            let written = timeout(Duration::from_millis(400), stream.write_all(first.as_bytes())).await;
            if matches!(written, Ok(Err(_))) {
                return;
            }
        }
    }
    if stream.write_all(first.as_bytes()).await.is_err() {
        return;
    }
    let (mut reading, mut writing) = stream.into_split();
    let ended = async { while matches!(reading.read(&mut [0; 1024]).await, Ok(read) if read > 0) {} };
    let trickling = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            if kind != Kind::Idle && writing.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = ended => {}, () = trickling => {} }
}

/// Bodies that are announced as large as one may be, and never come.
pub(crate) async fn announced(target: &Target) -> String {
    let request = "POST /e HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500000\r\n\r\n";
    let mut held = Vec::new();
    for number in 0..target.slow.max(200) {
        let Some(mut stream) = connect(number, &target.edge).await else { continue };
        if stream.write_all(request.as_bytes()).await.is_ok() {
            held.push(stream);
        }
    }
    sleep(target.lasts).await;
    format!("{} connections", held.len())
}
