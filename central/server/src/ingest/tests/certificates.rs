//! What central says of certificates that one end does not accept, and of edges that share one.

use footfall_harness::authority::Request;
use footfall_harness::relay::UdpRelay;

use super::*;

/// Waits for a warning that has all these parts.
async fn warned(central: &Central, parts: &[&str]) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let warnings = central.health.warnings(connection::now_ms());
        if warnings.iter().any(|warning| parts.iter().all(|part| warning.contains(part))) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{parts:?} is not among {warnings:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_refused_is_told_with_its_host_the_reason_and_the_remedy() {
    let central = Central::start().await;
    let folder = tempfile::tempdir().expect("temp dir");
    let sign = |name, common_name, usage, years| {
        central.authority.sign(&Request { name, common_name, usage, years })
    };
    let own = Some("edge-1");
    for (identity, parts) in [
        (sign("expired", own, Usage::Client, 1990..1991), ["127.0.0.1", "it has expired", "a new one"]),
        (sign("early", own, Usage::Client, 4000..4096), ["127.0.0.1", "not valid yet", "clocks"]),
        (sign("server", own, Usage::Server, 1975..4096), ["127.0.0.1", "another use", "clientAuth"]),
        (sign("nameless", None, Usage::Client, 1975..4096), ["127.0.0.1", "common name", "edge's id"]),
        (
            Authority::new(folder.path()).issue("edge-1", Usage::Client),
            ["127.0.0.1", "another authority", "`relay.ca`"],
        ),
    ] {
        if let Ok(edge) = central.connect_with(&identity).await {
            timeout(Duration::from_secs(10), edge.connection.closed()).await.expect("it is refused");
        }
        warned(&central, &parts).await;
    }
    // An edge that does not believe central says so in its alert.
    let stranger = Authority::new(&folder.path().join("other"));
    let mut tls = stranger.client(&stranger.issue("edge-2", Usage::Client));
    tls.alpn_protocols = vec![RELAY_ALPN.to_vec()];
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().expect("address")).expect("endpoint");
    let config = QuicClientConfig::try_from(tls).expect("cipher");
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(config)));
    endpoint.connect(central.address, CENTRAL).expect("connecting").await.expect_err("not believed");
    warned(
        &central,
        &["an edge at 127.0.0.1 refuses central's certificate", "another authority", "`central.ca`"],
    )
    .await;
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edges_under_one_certificate_are_told() {
    let central = Central::start().await;
    let identity = central.authority.issue("edge-1", Usage::Client);
    let mut edges = Vec::new();
    for _ in 0..6 {
        let mut edge = central.connect_with(&identity).await.expect("connected");
        edge.hello(0).await;
        edges.push(edge);
    }
    warned(&central, &["edge-1", "127.0.0.1:", "a certificate of its own"]).await;
    drop(edges);
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_comes_back_again_and_again_after_a_cut_is_one_edge() {
    let central = Central::start().await;
    let identity = central.authority.issue("edge-1", Usage::Client);
    let mut lost = Vec::new();
    for _ in 0..6 {
        let link = UdpRelay::start(central.address, 0).await;
        let mut edge = central.connect_at(link.address(), &identity).await.expect("connected");
        edge.hello(0).await;
        link.cut();
        lost.push((edge, link));
    }
    let health = central.health.clone();
    // All that was still to be noted is noted once every connection has ended.
    central.finish().await;
    assert_eq!(health.warnings(connection::now_ms()), Vec::<String>::new());
}
