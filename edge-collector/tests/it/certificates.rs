//! What an edge says of a certificate that one end does not accept, and of another edge that uses its own.

use std::sync::Arc;

use footfall_harness::authority::{Authority, CENTRAL, Request, Usage};
use footfall_proto::relay::{Refusal, refusal::Cause};

use crate::support::central::{Central, Certificates, State};
use crate::support::{RunningEdge, config, eventually, folder};

async fn says(edge: &RunningEdge, parts: &[&str]) {
    eventually(&format!("readiness says {parts:?}"), async || {
        let ready = edge.ask("/readyz").await.text().await.expect("text");
        parts.iter().all(|part| ready.contains(part))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_central_whose_certificate_is_not_accepted_is_told_with_the_reason_and_the_remedy() {
    for (usage, years, parts) in [
        (
            Usage::Server,
            1990..1991,
            ["refused central's certificate", "it has expired", "`relay.certificate`"],
        ),
        (Usage::Server, 4000..4096, ["refused central's certificate", "not valid yet", "clocks"]),
        (Usage::Client, 1975..4096, ["refused central's certificate", "another use", "serverAuth"]),
    ] {
        let dir = folder();
        let mut certificates = Certificates::new(dir.path());
        let request = Request { name: CENTRAL, common_name: Some(CENTRAL), usage, years };
        certificates.central = certificates.authority.sign(&request);
        let central =
            Central::start(&certificates, "127.0.0.1:0".parse().expect("address"), Arc::default()).await;
        let mut config = config(dir.path());
        config.central = Some(certificates.central(central.address));
        let edge = RunningEdge::start(config).await;
        says(&edge, &parts).await;
        edge.stop().await;
        central.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_central_of_another_authority_or_another_name_is_told_as_such() {
    let (dir, other) = (folder(), folder());
    let certificates = Certificates::new(dir.path());
    let central =
        Central::start(&certificates, "127.0.0.1:0".parse().expect("address"), Arc::default()).await;
    let mut misnamed = config(dir.path());
    misnamed.central = Some(certificates.central(central.address));
    misnamed.central.as_mut().expect("set").server_name = "elsewhere.example".to_owned();
    let edge = RunningEdge::start(misnamed).await;
    says(&edge, &["refused central's certificate", "another name", "elsewhere.example"]).await;
    edge.stop().await;

    let mut stranger = config(other.path());
    stranger.central = Some(Certificates::new(other.path()).central(central.address));
    let edge = RunningEdge::start(stranger).await;
    says(&edge, &["refused central's certificate", "another authority", "`central.ca`"]).await;
    edge.stop().await;
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_central_does_not_accept_of_the_edge_is_told_with_the_file_and_the_remedy() {
    let dir = folder();
    let certificates = Certificates::new(dir.path());
    let central =
        Central::start(&certificates, "127.0.0.1:0".parse().expect("address"), Arc::default()).await;
    // The edge believes central, and is itself of an authority that central does not know.
    let elsewhere = Authority::new(&dir.path().join("elsewhere"));
    let own = elsewhere.issue("edge-1", Usage::Client);
    let mut config = config(dir.path());
    let mut settings = certificates.central(central.address);
    (settings.certificate, settings.key) = (own.certificate.clone(), own.key);
    settings.certificate_ca = Some(elsewhere.ca());
    config.central = Some(settings);
    let edge = RunningEdge::start(config).await;
    let path = own.certificate.display().to_string();
    says(&edge, &["central refused this edge's certificate", &path, "another authority", "`relay.ca`"]).await;
    edge.stop().await;
    central.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_whose_certificate_another_uses_says_so_and_goes_on_saying_it() {
    let dir = folder();
    let certificates = Certificates::new(dir.path());
    let state = Arc::new(State::default());
    let sentence = "a newer connection of this edge took over".to_owned();
    *state.refusal.lock() = Some(Refusal { cause: Cause::Superseded as i32, sentence });
    let central =
        Central::start(&certificates, "127.0.0.1:0".parse().expect("address"), Arc::clone(&state)).await;
    let mut config = config(dir.path());
    config.central = Some(certificates.central(central.address));
    let edge = RunningEdge::start(config).await;
    let parts = ["another edge uses this certificate (edge-1, ", "give each edge one of its own"];
    says(&edge, &parts).await;
    *state.refusal.lock() = None;
    eventually("the edge is connected again", async || edge.ask("/readyz").await.status() == 200).await;
    says(&edge, &parts).await;
    edge.stop().await;
    central.stop().await;
}
