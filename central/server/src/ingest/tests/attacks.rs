//! Clients with a certificate that keep what they were given: time, places, room. Each attack has other edges beside it, which notice
//! nothing.

use tokio::time::Instant;

use super::*;

const SHORT: Duration = Duration::from_millis(400);

/// A client that takes in so few bytes of a stream before it reads them.
fn narrow(bytes: u32) -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(bytes));
    transport
}

/// An edge that works is not moved.
async fn works(central: &Central, edge_id: &str) {
    let mut edge = central.connect(edge_id).await;
    assert!(matches!(edge.hello(0).await, to_edge::Message::Welcome(_)));
    edge.send_batch(0, 1).await;
    assert_eq!(edge.acked().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_has_one_deadline_however_its_bytes_trickle() {
    let central = Central::start_with(|context| context.patience.hello = SHORT).await;
    let mut slow = central.connect("edge-1").await;
    let mut hello = BytesMut::new();
    let software = "x".repeat(3000);
    let message = to_central::Message::Hello(Hello { software, ..greeting(0) });
    frame::write(&ToCentral { message: Some(message) }, MAX_FRAME_BYTES, &mut hello).expect("small");
    let begun = Instant::now();
    for byte in hello {
        if slow.connection.close_reason().is_some() || begun.elapsed() > SHORT * 10 {
            break;
        }
        // It may be closed at any moment.
        let _ = slow.sender.write_all(&[byte]).await;
        tokio::time::sleep(SHORT / 20).await;
    }
    assert!(slow.connection.close_reason().is_some(), "it is still there after {:?}", begun.elapsed());
    assert!(begun.elapsed() < SHORT * 4, "{:?}", begun.elapsed());
    // Whoever opens no stream, or says nothing on it, has no more time.
    let mut quiet = central.connect("edge-1").await;
    quiet.sender.write_all(&[0]).await.expect("sent");
    assert!(is_closed(&quiet.connection).await);
    assert!(central.metrics.silent.get() >= 2);
    works(&central, "edge-2").await;
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_greeted_has_little_room() {
    let central = Central::start().await;
    let mut large = central.connect("edge-1").await;
    // The frame of a batch of two mebibytes, before any greeting.
    let mut wire = BytesMut::from(&(2_u32 << 20).to_le_bytes()[..]);
    wire.resize(64 << 10, 0);
    let _ = timeout(Duration::from_secs(5), large.sender.write_all(&wire)).await;
    assert_eq!(large.refused().await, Cause::Malformed);
    assert!(is_closed(&large.connection).await);
    // And as much on its way, read or not, as a greeting needs.
    let idle = central.client(&central.authority.issue("edge-1", Usage::Client));
    let connection = idle.connect(central.address, CENTRAL).expect("connecting").await.expect("connected");
    let (mut sender, _receiver) = connection.open_bi().await.expect("opened");
    let written = timeout(SHORT, sender.write_all(&vec![0xff; 1 << 20])).await;
    assert!(!matches!(written, Ok(Ok(()))), "a mebibyte was taken in");
    works(&central, "edge-2").await;
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_never_reads_its_acknowledgements_is_closed() {
    let central = Central::start_with(|context| context.patience.write = SHORT).await;
    let identity = central.authority.issue("edge-1", Usage::Client);
    let client = central.client_at("127.0.0.1", &identity, narrow(100));
    let mut deaf = central.connect_by(client, central.address).await.expect("connected");
    deaf.send_message(to_central::Message::Hello(greeting(0))).await;
    for batch in 0..50 {
        // It may be closed at any moment.
        if !deaf.send_records_or_end(batch, &[record(1)]).await {
            break;
        }
    }
    assert!(is_closed(&deaf.connection).await, "it holds its connection, its batches and their memory");
    assert_eq!(central.metrics.deaf.get(), 1);
    works(&central, "edge-2").await;
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_never_reads_the_policy_is_closed() {
    let central = Central::start_with(|context| context.patience.write = SHORT).await;
    let site = Site { website_id: "site".into(), domain: "x".repeat(1000), ..Site::default() };
    central.policy.send_replace(Arc::new(Policy { policy_id: 1, sites: vec![site; 30] }));
    let identity = central.authority.issue("edge-1", Usage::Client);
    let client = central.client_at("127.0.0.1", &identity, narrow(1000));
    let mut deaf = central.connect_by(client, central.address).await.expect("connected");
    assert!(matches!(deaf.hello(0).await, to_edge::Message::Welcome(_)));
    assert!(is_closed(&deaf.connection).await, "it holds a copy of the policy for ever");
    assert_eq!(central.metrics.deaf.get(), 1);
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_cannot_take_all_places_and_edges_keep_theirs() {
    let limits =
        Limits { strangers: 16, of_address: 6, of_known_address: 8, kept: 4, edges: 3, ..Limits::default() };
    let central = Central::start_with(|context| context.admission = Admission::new(limits)).await;
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    let attacker = central.authority.issue("edge-9", Usage::Client);
    let mut held = Vec::new();
    for host in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        let client = central.client_at(host, &attacker, quinn::TransportConfig::default());
        let mut in_from_here = 0;
        for _ in 0..10 {
            let attempt = client.connect(central.address, CENTRAL).expect("connecting");
            match timeout(Duration::from_secs(10), attempt).await.expect("an answer in time") {
                Ok(connection) => {
                    in_from_here += 1;
                    held.push(connection);
                }
                Err(ConnectionError::ConnectionClosed(_)) => {}
                Err(error) => panic!("neither in nor refused: {error}"),
            }
        }
        assert!(in_from_here <= limits.of_address, "{in_from_here} from {host}");
        if host == "127.0.0.2" {
            // One address has all that it can have, and another still gets in.
            let client = central.client_at("127.0.0.5", &attacker, quinn::TransportConfig::default());
            let other = client.connect(central.address, CENTRAL).expect("connecting").await;
            other.expect("connected").close(VarInt::from_u32(0), b"done");
        }
    }
    assert!(central.metrics.turned_away.get() > 0);
    // Strangers have all of theirs by now. An edge goes on, and comes back.
    edge.send_batch(0, 1).await;
    assert_eq!(edge.acked().await, 1);
    edge.connection.close(VarInt::from_u32(0), b"cut");
    works(&central, "edge-1").await;
    works(&central, "edge-2").await;
    drop(held);
    central.finish().await;
}
