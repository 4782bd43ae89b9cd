//! Carries datagrams between clients and one server over a bad link. What becomes of each is decided by the [schedule](super::schedule);
//! here are the sockets. Knows nothing of what the datagrams hold.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

use super::schedule::{self, Conditions, Delivery, Direction};

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 65_536;

/// A way to a server; it ends when dropped.
pub struct UdpRelay {
    address: SocketAddr,
    shared: Arc<Shared>,
    _carrying: AbortOnDropHandle<()>,
}

/// What became of the datagrams so far, both directions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came to the relay.
    pub received: u64,
    /// Were carried, a duplicate counted once.
    pub carried: u64,
    /// Were carried twice.
    pub duplicated: u64,
    /// Were lost, being too long included.
    pub lost: u64,
    /// Came while the way was cut or one of its directions was.
    pub blackholed: u64,
}

struct Shared {
    seed: u64,
    near: UdpSocket,
    link: Mutex<Link>,
}

struct Link {
    server: SocketAddr,
    conditions: Conditions,
    to_server: Way,
    to_client: Way,
    counts: Counts,
    /// The socket that speaks to the server for a client.
    clients: HashMap<SocketAddr, Far>,
}

/// One direction.
#[derive(Default)]
struct Way {
    blackhole: bool,
    /// Number of the next datagram.
    next: u64,
}

struct Far {
    socket: Arc<UdpSocket>,
    _back: AbortOnDropHandle<()>,
}

impl UdpRelay {
    /// To the server at this address; without any loss until told otherwise.
    pub async fn start(server: SocketAddr, seed: u64) -> Self {
        let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = near.local_addr().expect("bound");
        let link = Link {
            server,
            conditions: Conditions::default(),
            to_server: Way::default(),
            to_client: Way::default(),
            counts: Counts::default(),
            clients: HashMap::new(),
        };
        let shared = Arc::new(Shared { seed, near, link: Mutex::new(link) });
        let carrying = tokio::spawn(from_clients(Arc::clone(&shared)));
        Self { address, shared, _carrying: AbortOnDropHandle::new(carrying) }
    }

    /// Where clients find the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the link does to datagrams that come from now on.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.shared.link().conditions = conditions;
    }

    /// The server is elsewhere now.
    pub fn set_server(&self, server: SocketAddr) {
        self.shared.link().server = server;
    }

    /// Nothing passes, and nobody is told.
    pub fn cut(&self) {
        self.blackhole(Direction::ToServer);
        self.blackhole(Direction::ToClient);
    }

    /// Nothing passes in one direction.
    pub fn blackhole(&self, direction: Direction) {
        self.shared.link().way(direction).blackhole = true;
    }

    /// Ends cuts and black holes.
    pub fn heal(&self) {
        let mut link = self.shared.link();
        link.to_server.blackhole = false;
        link.to_client.blackhole = false;
    }

    /// The server sees every client under another port from its next datagram on, and no longer reaches it under the old one: what a
    /// NAT does that forgot.
    pub fn rebind(&self) {
        self.shared.link().clients.clear();
    }

    /// What became of the datagrams so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.link().counts
    }
}

impl Shared {
    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().expect("no holder panics")
    }

    /// The socket of a client, made when it has none.
    fn far(self: &Arc<Self>, client: SocketAddr) -> Arc<UdpSocket> {
        let mut link = self.link();
        let far = link.clients.entry(client).or_insert_with(|| {
            let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            socket.set_nonblocking(true).expect("a socket can be");
            let socket = Arc::new(UdpSocket::from_std(socket).expect("a runtime"));
            let back = tokio::spawn(from_server(Arc::clone(self), Arc::clone(&socket), client));
            Far { socket, _back: AbortOnDropHandle::new(back) }
        });
        Arc::clone(&far.socket)
    }
}

impl Link {
    fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Counts a datagram and decides what becomes of it.
    fn delivery(&mut self, seed: u64, direction: Direction, length: usize) -> Delivery {
        self.counts.received += 1;
        let way = self.way(direction);
        let number = way.next;
        way.next += 1;
        if way.blackhole {
            self.counts.blackholed += 1;
            return Delivery::LOST;
        }
        let delivery = schedule::delivery(seed, direction, number, length, &self.conditions);
        self.counts.carried += u64::from(delivery.first.is_some());
        self.counts.duplicated += u64::from(delivery.second.is_some());
        self.counts.lost += u64::from(delivery.first.is_none());
        delivery
    }
}

async fn from_clients(shared: Arc<Shared>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        // An error tells of an earlier datagram that found nobody.
        let Ok((length, client)) = shared.near.recv_from(&mut buffer).await else { continue };
        let far = shared.far(client);
        let (delivery, server) = {
            let mut link = shared.link();
            (link.delivery(shared.seed, Direction::ToServer, length), link.server)
        };
        for after in delivery.copies() {
            let (far, datagram) = (Arc::clone(&far), buffer[..length].to_vec());
            later(after, async move { far.send_to(&datagram, server).await }).await;
        }
    }
}

async fn from_server(shared: Arc<Shared>, far: Arc<UdpSocket>, client: SocketAddr) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let Ok((length, _)) = far.recv_from(&mut buffer).await else { continue };
        let delivery = shared.link().delivery(shared.seed, Direction::ToClient, length);
        for after in delivery.copies() {
            let (shared, datagram) = (Arc::clone(&shared), buffer[..length].to_vec());
            later(after, async move { shared.near.send_to(&datagram, client).await }).await;
        }
    }
}

/// Sends now, or on its own after a while. What the kernel refuses is lost like any datagram.
async fn later(
    after: std::time::Duration,
    send: impl Future<Output = std::io::Result<usize>> + Send + 'static,
) {
    if after.is_zero() {
        let _ = send.await;
        return;
    }
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        let _ = send.await;
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait::eventually;

    /// Answers every datagram with the port that it came from.
    async fn server() -> (SocketAddr, AbortOnDropHandle<()>) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = socket.local_addr().expect("bound");
        let answering = tokio::spawn(async move {
            let mut buffer = [0; 2000];
            while let Ok((_, from)) = socket.recv_from(&mut buffer).await {
                socket.send_to(&from.port().to_be_bytes(), from).await.expect("sent");
            }
        });
        (address, AbortOnDropHandle::new(answering))
    }

    /// What the server answers within a tenth of a second.
    async fn ask(client: &UdpSocket, relay: &UdpRelay) -> Option<u16> {
        client.send_to(b"who am I", relay.address()).await.expect("sent");
        let mut buffer = [0; 2];
        let answer = tokio::time::timeout(Duration::from_millis(100), client.recv_from(&mut buffer)).await;
        answer.ok().map(|answer| {
            answer.expect("received");
            u16::from_be_bytes(buffer)
        })
    }

    async fn answered(client: &UdpSocket, relay: &UdpRelay) -> u16 {
        let mut port = None;
        eventually("an answer comes", async || {
            port = ask(client, relay).await;
            port.is_some()
        })
        .await;
        port.expect("just answered")
    }

    #[tokio::test]
    async fn a_way_that_is_cut_carries_nothing_until_it_is_healed() {
        let (address, _server) = server().await;
        let relay = UdpRelay::start(address, 1).await;
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        answered(&client, &relay).await;
        relay.cut();
        let before = relay.counts();
        assert_eq!(ask(&client, &relay).await, None);
        assert_eq!(relay.counts().carried, before.carried);
        relay.heal();
        relay.blackhole(Direction::ToClient);
        assert_eq!(ask(&client, &relay).await, None);
        assert!(relay.counts().carried > before.carried, "to the server it is open");
        relay.heal();
        answered(&client, &relay).await;
    }

    #[tokio::test]
    async fn a_rebound_client_has_another_port_and_is_still_answered() {
        let (address, _server) = server().await;
        let relay = UdpRelay::start(address, 1).await;
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let before = answered(&client, &relay).await;
        assert_eq!(answered(&client, &relay).await, before);
        relay.rebind();
        assert_ne!(answered(&client, &relay).await, before);
    }

    #[tokio::test]
    async fn a_server_that_moved_is_found() {
        let (first, stopped) = server().await;
        let relay = UdpRelay::start(first, 1).await;
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        answered(&client, &relay).await;
        drop(stopped);
        let (second, _server) = server().await;
        relay.set_server(second);
        answered(&client, &relay).await;
    }

    #[tokio::test]
    async fn a_bad_link_loses_and_repeats_and_counts_what_it_did() {
        let (address, _server) = server().await;
        let relay = UdpRelay::start(address, 5).await;
        relay.set_conditions(Conditions {
            loss: 300,
            duplication: 300,
            delay: Duration::from_millis(1),
            jitter: Duration::from_millis(5),
            ..Conditions::default()
        });
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        for _ in 0..30 {
            answered(&client, &relay).await;
        }
        let counts = relay.counts();
        assert!(counts.lost > 0 && counts.duplicated > 0 && counts.blackholed == 0, "{counts:?}");
        assert_eq!(counts.received, counts.carried + counts.lost);
    }
}
