//! Whoever reaches central's QUIC port, with a certificate of the deployment's authority and without: edges that say what they cannot
//! know, that say nothing, that do not read what they are told, and handshakes that lead nowhere.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use footfall_harness::authority::{Authority, CENTRAL, Usage};
use footfall_harness::edge::{FakeEdge, client, now_ms};
use footfall_harness::record::{DAY_MS, event_id, record_of};
use footfall_tests::cluster::Cluster;
use footfall_tests::ledger::Ledger;
use futures_util::future::join_all;
use quinn::{Connection, Endpoint, TransportConfig, VarInt};
use tokio::net::UdpSocket;
use tokio::time::{interval, sleep, timeout};
use uuid::Uuid;

/// Days over which forged records are dated, of which a store may get a month.
const DAYS: i64 = 4000;
/// Above the window in which a receipt time is believed.
const BELIEVED_DAYS: i64 = 32;
/// 2031-02-27.
const YEAR_2031: i64 = 1_930_000_000_000;
/// Forged batches a second, of each of the two forgers.
const FORGED: u32 = 4;
/// Websites that are made up in a batch.
const MADE_UP: u64 = 300;
/// Connections that never greet ...
const UNGREETED: usize = 200;
/// ... from one address.
const OF_ONE: usize = 100;
/// By when such a connection must have been closed.
const CLOSED: Duration = Duration::from_secs(15);
/// Edges that read no acknowledgement ...
const DEAF: u8 = 8;
/// ... and their batches a second, each: more than enough for the acknowledgements to fill the room for them, and no flood, which
/// would measure what it costs this process to make them.
const BATCHES: u32 = 20;
/// Handshakes a second, of each sort.
const HANDSHAKES: u32 = 100;

/// The relay of a running system, and what is needed to attack it.
pub(crate) struct Relay {
    central: SocketAddr,
    authority: Authority,
    website_id: String,
    ledger: Arc<Ledger>,
    lasts: Duration,
}

impl Relay {
    /// Of a system that has stored an event.
    pub(crate) async fn of(cluster: &Cluster, authority: Authority, lasts: Duration) -> Self {
        let central = cluster.run().relay.parse().expect("an address");
        let website_id = cluster.clickhouse("SELECT toString(any(website_id)) FROM footfall.events").await;
        Self { central, authority, website_id, ledger: cluster.ledger(), lasts }
    }

    /// A client from an address of its own, with a certificate of the deployment's authority.
    fn client(&self, host: u8, edge_id: &str, transport: TransportConfig) -> Endpoint {
        let tls = self.authority.client(&self.authority.issue(edge_id, Usage::Client));
        client(Ipv4Addr::new(127, 0, 9, host).into(), tls, transport)
    }

    /// Nothing when there is no place for it.
    async fn connect(&self, endpoint: &Endpoint) -> Option<Connection> {
        endpoint.connect(self.central, CENTRAL).expect("connecting").await.ok()
    }

    /// Another edge's journal, over and over: thousands of days and the year 2031 in one, websites that nobody has in the other.
    pub(crate) async fn forged(&self) -> String {
        let first = fastrand::u64(1 << 40..1 << 50);
        let days = self.forge(1, |batch| {
            let number = |day: i64| first + batch * 10_000 + day as u64;
            let now = now_ms();
            // These may be stored: they are of a website that there is, and say a time that is believed.
            let may: Vec<_> =
                (0..BELIEVED_DAYS).map(|day| Uuid::from_bytes(event_id(number(day), 0))).collect();
            self.ledger.sent(&may);
            let site = &self.website_id;
            let mut records: Vec<_> =
                (0..DAYS).map(|day| record_of(site, number(day), 1, now - day * DAY_MS)).collect();
            records.extend((DAYS..DAYS + 50).map(|day| record_of(site, number(day), 1, YEAR_2031 + day)));
            records
        });
        let sites = self.forge(2, |batch| {
            let number = |site| first + (1 << 51) + batch * MADE_UP + site;
            let made_up = |site| Uuid::from_u64_pair(0x0191_d0a4_0000_7000, number(site)).to_string();
            (0..MADE_UP).map(|site| record_of(&made_up(site), number(site), 1, now_ms())).collect()
        });
        let (days, sites) = tokio::join!(days, sites);
        format!("{days} batches of {DAYS} days and of 2031, {sites} of {MADE_UP} websites that are not there")
    }

    /// Sends batch after batch and waits for each to be acknowledged: how many there were.
    async fn forge(&self, host: u8, batch: impl Fn(u64) -> Vec<Bytes>) -> u64 {
        let endpoint = self.client(host, &format!("forger-{host}"), TransportConfig::default());
        let connection = self.connect(&endpoint).await.expect("its certificate is valid");
        let mut edge = FakeEdge::greet(endpoint, &connection).await.expect("welcome");
        let (mut batches, mut pace) = (0, interval(Duration::from_secs(1) / FORGED));
        let until = Instant::now() + self.lasts;
        while batches == 0 || Instant::now() < until {
            pace.tick().await;
            edge.send(&batch(batches)).await;
            batches += 1;
        }
        batches
    }

    /// Connections that are through the handshake and never greet: half of them say nothing, half a byte a second. Whoever is closed
    /// comes again.
    pub(crate) async fn ungreeted(&self) -> String {
        let clients: Vec<_> = (0..UNGREETED.div_ceil(OF_ONE))
            .map(|host| self.client(10 + host as u8, "silent", TransportConfig::default()))
            .collect();
        let until = Instant::now() + self.lasts;
        let places = (0..UNGREETED).map(async |place| {
            let (mut opened, mut closed, mut longest) = (0_u32, 0_u32, Duration::ZERO);
            while Instant::now() < until {
                let Some(connection) = self.connect(&clients[place / OF_ONE]).await else {
                    sleep(Duration::from_millis(500)).await;
                    continue;
                };
                let began = Instant::now();
                opened += 1;
                tokio::select! {
                    _ = connection.closed() => {}
                    () = dribble(&connection), if place % 2 == 1 => {}
                    () = sleep(until.saturating_duration_since(began)) => {}
                }
                closed += u32::from(connection.close_reason().is_some());
                longest = longest.max(began.elapsed());
            }
            (opened, closed, longest)
        });
        let all = join_all(places).await;
        let (opened, closed) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let longest = all.iter().map(|one| one.2).max().unwrap_or_default();
        assert!(opened as usize >= UNGREETED / 2, "only {opened} got in");
        assert!(longest < CLOSED, "a connection that never greeted was there for {longest:?}");
        format!(
            "{opened} connections, {closed} closed by central, the last after {:.1} s",
            longest.as_secs_f64()
        )
    }

    /// Edges that send batches, true ones, and read nothing of what they are told. Whoever is closed comes again.
    pub(crate) async fn deaf(&self) -> String {
        let until = Instant::now() + self.lasts;
        let edges = (0..DEAF).map(async |edge| {
            // It takes in the policy, the welcome and some acknowledgements.
            let mut narrow = TransportConfig::default();
            narrow.stream_receive_window(VarInt::from_u32(600));
            let endpoint = self.client(20 + edge, &format!("deaf-{edge}"), narrow);
            let (mut number, mut batches, mut closed) = (fastrand::u64(1 << 40..1 << 50), 0_u32, 0_u32);
            let mut pace = interval(Duration::from_secs(1) / BATCHES);
            while Instant::now() < until {
                let left = || until.saturating_duration_since(Instant::now());
                let Some(connection) = self.connect(&endpoint).await else {
                    sleep(Duration::from_millis(500)).await;
                    continue;
                };
                let Some(mut deaf) = FakeEdge::greet(endpoint.clone(), &connection).await else { continue };
                while Instant::now() < until {
                    pace.tick().await;
                    let numbers = number..number + 100;
                    number = numbers.end;
                    let ids: Vec<_> = numbers.clone().map(|n| Uuid::from_bytes(event_id(n, 0))).collect();
                    self.ledger.sent(&ids);
                    let records: Vec<_> =
                        numbers.map(|n| record_of(&self.website_id, n, 1, now_ms())).collect();
                    match timeout(left(), deaf.push(&records)).await {
                        Ok(true) => batches += 1,
                        Ok(false) => {
                            closed += 1;
                            break;
                        }
                        Err(_) => break,
                    }
                }
            }
            (batches, closed)
        });
        let all = join_all(edges).await;
        let (batches, closed) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if self.lasts > CLOSED {
            assert!(closed >= u32::from(DEAF), "only {closed} were closed");
        }
        format!("{DEAF} edges, {batches} batches sent, {closed} times closed by central")
    }

    /// Handshakes from one address as fast as they are allowed to be: some end after their first packet, the others with a certificate
    /// of an authority that is not the deployment's.
    pub(crate) async fn handshakes(&self, folder: &Path) -> String {
        let (left, refused) = tokio::join!(self.left_half_way(), self.of_another_authority(folder));
        format!("{left} handshakes left after a packet, {refused} with a foreign certificate refused")
    }

    /// A first packet each, whose answers nobody takes.
    async fn left_half_way(&self) -> u32 {
        let host = Ipv4Addr::new(127, 0, 9, 30);
        let nobody = UdpSocket::bind((host, 0)).await.expect("a port");
        let sender = UdpSocket::bind((host, 0)).await.expect("a port");
        let at = nobody.local_addr().expect("bound");
        let endpoint = self.client(30, "half", TransportConfig::default());
        let (mut sent, mut packet) = (0, [0; 2048]);
        let (mut pace, until) = (interval(Duration::from_secs(1) / HANDSHAKES), Instant::now() + self.lasts);
        while Instant::now() < until {
            pace.tick().await;
            let attempt = endpoint.connect(at, CENTRAL).expect("connecting");
            let (bytes, _) = nobody.recv_from(&mut packet).await.expect("its first packet");
            drop(attempt);
            sender.send_to(&packet[..bytes], self.central).await.expect("sent");
            sent += 1;
        }
        sent
    }

    async fn of_another_authority(&self, folder: &Path) -> u32 {
        let other = Authority::new(&folder.join("other"));
        // It believes central, so that central has to look at its certificate.
        let tls = self.authority.client(&other.issue("edge-1", Usage::Client));
        let host = Ipv4Addr::new(127, 0, 9, 30).into();
        let endpoint = client(host, tls, TransportConfig::default());
        let (mut pace, until) = (interval(Duration::from_secs(1) / HANDSHAKES), Instant::now() + self.lasts);
        let mut attempts = tokio::task::JoinSet::new();
        while Instant::now() < until {
            pace.tick().await;
            let attempt = endpoint.connect(self.central, CENTRAL).expect("connecting");
            attempts.spawn(async move {
                // Its own end of the handshake is over before central has judged.
                let Ok(connection) = attempt.await else { return };
                let closed = timeout(Duration::from_secs(20), connection.closed()).await;
                assert!(closed.is_ok(), "central keeps a client of another authority");
            });
        }
        let mut refused = 0;
        while let Some(attempt) = attempts.join_next().await {
            attempt.expect("each is refused");
            refused += 1;
        }
        refused
    }
}

/// The beginning of a greeting, a byte a second, for as long as it is taken.
async fn dribble(connection: &Connection) {
    let Ok((mut sender, _receiver)) = connection.open_bi().await else { return };
    for byte in 4000_u32.to_le_bytes().into_iter().chain(std::iter::repeat(0)) {
        if sender.write_all(&[byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    // Whether and when it is closed is seen by whoever waits for that.
    connection.closed().await;
}
