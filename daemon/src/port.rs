//! A port that a predecessor may still hold: bound again and again until it is free or the time is over.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket};

/// How often it is tried.
const POLL: Duration = Duration::from_millis(50);
/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 4096;

/// Listens on a TCP port.
///
/// # Errors
/// What the system says; that the address is in use only after `wait`.
pub async fn listen(address: SocketAddr, wait: Duration) -> io::Result<TcpListener> {
    bind_with_retry(wait, async || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Connections of a predecessor that are still closing do not hold the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    })
    .await
    .map_err(|error| refusal(address, &error))
}

/// What a person is told of an address that cannot be bound.
pub fn refusal(address: SocketAddr, error: &io::Error) -> io::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there, or this one runs already: end it, or name another port"
        }
        io::ErrorKind::AddrNotAvailable => "name an address of this machine",
        io::ErrorKind::PermissionDenied => "name a port above 1023, or let this program use lower ones",
        _ => "name another address",
    };
    io::Error::new(error.kind(), format!("{address} cannot be bound ({error}): {remedy}"))
}

/// Whether a TCP port can be bound now. It is free again afterwards.
///
/// # Errors
/// What the system says.
pub async fn check(address: SocketAddr) -> io::Result<()> {
    listen(address, Duration::ZERO).await.map(drop)
}

/// The same for a UDP port.
///
/// # Errors
/// What the system says.
pub fn check_udp(address: SocketAddr) -> io::Result<()> {
    UdpSocket::bind(address).map(drop).map_err(|error| refusal(address, &error))
}

/// The same for whatever `bind` opens.
///
/// # Errors
/// What `bind` says; that an address is in use only after `wait`.
pub async fn bind_with_retry<T>(
    wait: Duration,
    mut bind: impl AsyncFnMut() -> io::Result<T>,
) -> io::Result<T> {
    let deadline = Instant::now() + wait;
    let mut told = false;
    loop {
        match bind().await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                if !told {
                    tracing::info!(%error, seconds = wait.as_secs(), "waiting for another process to leave the port");
                    told = true;
                }
                tokio::time::sleep(POLL).await;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().expect("an address")
    }

    #[tokio::test]
    async fn a_port_is_waited_for_until_its_holder_leaves() {
        let first = listen(any(), Duration::ZERO).await.expect("a free port");
        let address = first.local_addr().expect("bound");
        let refused = listen(address, Duration::ZERO).await.expect_err("held");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert!(refused.to_string().contains(&address.to_string()), "{refused}");
        let (second, ()) = tokio::join!(listen(address, Duration::from_secs(20)), async { drop(first) });
        assert_eq!(second.expect("free by now").local_addr().expect("bound"), address);
    }

    #[tokio::test]
    async fn a_check_finds_a_held_port_and_leaves_a_free_one_free() {
        let held = listen(any(), Duration::ZERO).await.expect("a free port");
        let address = held.local_addr().expect("bound");
        let sentence = check(address).await.expect_err("held").to_string();
        assert!(sentence.contains(&address.to_string()) && sentence.contains("end it"), "{sentence}");
        drop(held);
        check(address).await.expect("free");
        listen(address, Duration::ZERO).await.expect("still free");
        let held = UdpSocket::bind(any()).expect("a free port");
        let address = held.local_addr().expect("bound");
        assert!(check_udp(address).expect_err("held").to_string().contains("end it"));
        drop(held);
        check_udp(address).expect("free");
        let elsewhere = check("192.0.2.1:0".parse().expect("an address")).await.expect_err("not ours");
        assert!(elsewhere.to_string().contains("an address of this machine"), "{elsewhere}");
    }

    #[tokio::test]
    async fn another_error_is_told_at_once() {
        let mut tries = 0;
        let refused = bind_with_retry::<()>(Duration::from_secs(20), async || {
            tries += 1;
            Err(io::ErrorKind::PermissionDenied.into())
        });
        assert_eq!(refused.await.expect_err("refused").kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(tries, 1);
    }
}
