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
async fn health_readiness_and_metrics_are_for_operators_only() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    assert_eq!(edge.get("/healthz").await.status(), 200);
    let ready = edge.get("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.expect("text").contains("central has not been reached yet"));
    assert!(edge.metrics().await.contains("footfall_edge_policy_id 7"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let url = format!("{}{path}", edge.url);
        let proxied =
            edge.http.get(url).header("x-forwarded-for", "203.0.113.7").send().await.expect("answered");
        assert_eq!(proxied.status(), 403, "{path}");
    }
    assert_eq!(edge.http.put(format!("{}/e", edge.url)).send().await.expect("answered").status(), 405);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_open_connections_and_then_refuses_new_ones() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    assert_eq!(edge.get("/healthz").await.status(), 200);
    let url = edge.url.clone();
    tokio::time::timeout(Duration::from_secs(5), edge.stop())
        .await
        .expect("an idle connection holds nothing up");
    assert!(reqwest::get(format!("{url}/healthz")).await.is_err());
}
