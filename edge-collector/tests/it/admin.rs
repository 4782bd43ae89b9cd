//! The beacon's files, and what only operators see.

use std::time::Duration;

use crate::support::{RunningEdge, config, folder};

#[tokio::test(flavor = "multi_thread")]
async fn the_beacons_files_are_served_to_any_page() {
    let dir = folder();
    let assets = dir.path().join("dist");
    std::fs::create_dir(&assets).expect("made");
    for (file, content) in [("footfall.js", "shim"), ("footfall.wasm", "\0asm"), ("footfall.js.br", "packed")]
    {
        std::fs::write(assets.join(file), content).expect("written");
    }
    let mut config = config(dir.path());
    config.assets = Some(assets);
    let edge = RunningEdge::start(config).await;
    let response = edge.get("/footfall.js").await;
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
    assert_eq!(headers["timing-allow-origin"], "*");
    assert_eq!(response.text().await.expect("text"), "shim");
    assert_eq!(edge.get("/footfall.wasm").await.headers()["content-type"], "application/wasm");
    let url = format!("{}/footfall.js", edge.url);
    let packed = edge.http.get(&url).header("accept-encoding", "gzip, br").send().await.expect("answered");
    assert_eq!(packed.headers()["content-encoding"], "br");
    assert_eq!(packed.text().await.expect("text"), "packed");
    let cached =
        edge.http.get(&url).header("if-none-match", &headers["etag"]).send().await.expect("answered");
    assert_eq!(cached.status(), 304);
    assert_eq!(edge.get("/other.js").await.status(), 404);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics_are_on_a_port_of_their_own() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    assert_eq!(edge.ask("/healthz").await.status(), 200);
    let ready = edge.ask("/readyz").await;
    assert_eq!(
        (ready.status().as_u16(), ready.headers()["cache-control"].as_bytes()),
        (503, &b"no-store"[..])
    );
    assert!(ready.text().await.expect("text").contains("central has not been reached yet"));
    assert!(edge.metrics().await.contains("footfall_edge_policy_id 7"));
    // From this machine, as a proxy on loopback would bring anybody.
    for path in ["/healthz", "/readyz", "/metrics", "/metrics?x", "//metrics", "/metrics/"] {
        assert_eq!(edge.get(path).await.status(), 404, "{path}");
    }
    for path in ["/e", "/p.gif?s=FF-1", "/footfall.js", "/"] {
        assert_eq!(edge.ask(path).await.status(), 404, "{path}");
    }
    let put = |url: &str| edge.http.put(url).send();
    assert_eq!(put(&format!("{}/e", edge.url)).await.expect("answered").status(), 405);
    assert_eq!(put(&format!("{}/metrics", edge.health)).await.expect("answered").status(), 405);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_web_page_and_no_other_name_reaches_the_operators_port() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let address = edge.health.trim_start_matches("http://");
    let own_origin = edge.health.clone();
    for (name, value, status) in [
        ("host", "edge.internal", 200),
        ("host", "edge.internal:8083", 200),
        ("host", address, 200),
        ("origin", &own_origin, 200),
        ("sec-fetch-site", "none", 200),
        ("host", "evil.example", 403),
        ("host", "edge.internal.evil.example", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
    ] {
        for path in ["/healthz", "/metrics"] {
            let asked = edge.http.get(format!("{}{path}", edge.health)).header(name, value).send().await;
            assert_eq!(asked.expect("answered").status(), status, "{path} {name}: {value}");
        }
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_open_connections_and_then_refuses_new_ones() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    assert_eq!(edge.ask("/healthz").await.status(), 200);
    assert_eq!(edge.get("/").await.status(), 404);
    let urls = [edge.url.clone(), edge.health.clone()];
    tokio::time::timeout(Duration::from_secs(5), edge.stop())
        .await
        .expect("an idle connection holds nothing up");
    for url in urls {
        assert!(reqwest::get(format!("{url}/healthz")).await.is_err());
    }
}
