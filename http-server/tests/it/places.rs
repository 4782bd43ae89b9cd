//! More connections than there are places.

use std::time::Duration;

use footfall_http_server::Limits;
use footfall_http_server::metrics::{Closed, Refused};

use crate::client::{Client, Listener, limits, listen};

/// Deadlines beyond the test's end.
fn patient(connections: usize) -> Limits {
    let hour = Duration::from_hours(1);
    Limits { idle: hour, head: hour, patience: hour, ..limits(connections) }
}

/// A request that stays under way.
async fn busy(listener: &Listener, last: u8, more: &str) -> Client {
    let mut client = listener.client_at(last).await;
    client.send(&format!("GET /beats HTTP/1.1\r\nhost: x\r\n{more}\r\n")).await;
    assert_eq!(client.status().await, Some(200));
    client
}

#[tokio::test]
async fn the_idle_go_for_those_who_come() {
    let listener = listen(patient(10)).await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(listener.client().await);
    }
    for _ in 0..20 {
        assert!(listener.answers(1).await);
    }
    assert!(listener.metrics.count_closed(Closed::Replaced) >= 40);
    assert_eq!(listener.metrics.count_refused(Refused::Full), 0);
}

#[tokio::test]
async fn who_has_asked_something_goes_after_those_who_never_did() {
    let listener = listen(patient(4)).await;
    let mut visitor = listener.client().await;
    visitor.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(visitor.status().await, Some(200));
    let mut held = Vec::new();
    for _ in 0..30 {
        held.push(listener.client().await);
    }
    while listener.metrics.count_closed(Closed::Replaced) < 27 {
        tokio::task::yield_now().await;
    }
    // The rest of the first answer, then the next one's.
    let mut rest = [0; 256];
    assert!(tokio::io::AsyncReadExt::read(&mut visitor.0, &mut rest).await.expect("open") > 0);
    visitor.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(visitor.status().await, Some(200));
}

#[tokio::test]
async fn who_is_busy_stays_and_the_next_one_is_told_to_come_back() {
    let listener = listen(patient(4)).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(busy(&listener, 1, "").await);
    }
    assert!(!listener.answers(1).await);
    assert_eq!(listener.metrics.count_refused(Refused::Full), 1);
    held.pop();
    let since = tokio::time::Instant::now();
    while !listener.answers(1).await {
        assert!(since.elapsed() < Duration::from_secs(5), "its place is free again");
    }
}

#[tokio::test]
async fn one_address_takes_no_more_than_its_share_but_a_trusted_proxy_does() {
    let listener = listen(Limits { per_address: 3, ..patient(20) }).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(busy(&listener, 2, "").await);
    }
    assert!(!listener.answers(2).await);
    assert_eq!(listener.metrics.count_refused(Refused::Address), 1);
    assert!(listener.answers(3).await);
    for _ in 0..10 {
        held.push(busy(&listener, 9, "").await);
    }
    assert!(listener.answers(9).await);
}

#[tokio::test]
async fn strangers_cannot_keep_out_who_has_a_credential() {
    let listener = listen(Limits { reserved: 2, ..patient(6) }).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(busy(&listener, 1, "").await);
    }
    // A reserved place is kept by a stranger for two seconds at most,
    let mut stranger = listener.client().await;
    assert!(stranger.closed_after().await < Duration::from_secs(4));
    assert_eq!(listener.metrics.count_closed(Closed::Unproven), 1);
    // and given up to whoever comes.
    let mut stranger = listener.client().await;
    let owner = busy(&listener, 1, "key: right\r\n").await;
    assert!(stranger.closed_after().await < Duration::from_secs(1));
    assert_eq!(listener.metrics.count_closed(Closed::Replaced), 1);
    // A stranger's one answer says that it was the only one.
    let mut stranger = listener.client().await;
    stranger.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(stranger.status().await, Some(200));
    assert!(stranger.closed_after().await < Duration::from_secs(4));
    let second = busy(&listener, 1, "key: right\r\n").await;
    assert!(!listener.answers(1).await);
    drop((held, owner, second));
}

#[tokio::test]
async fn who_has_shown_a_credential_does_not_go_for_a_stranger() {
    let listener = listen(Limits { reserved: 1, ..patient(3) }).await;
    let mut owner = listener.client().await;
    owner.send("GET / HTTP/1.1\r\nhost: x\r\nkey: right\r\n\r\n").await;
    assert_eq!(owner.status().await, Some(200));
    for _ in 0..20 {
        assert!(listener.answers(1).await);
    }
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(listener.client().await);
    }
    // The rest of the first answer, then the next one's.
    let mut rest = [0; 256];
    let _ = tokio::io::AsyncReadExt::read(&mut owner.0, &mut rest).await.expect("open");
    owner.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(owner.status().await, Some(200));
}
