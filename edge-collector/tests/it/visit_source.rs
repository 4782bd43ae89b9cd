//! Where a visit came from: decided by its first event, carried by all of it, across a restart, and never guessed.

use footfall_journal::Journal;
use footfall_proto::beacon::{Consent, Event};
use footfall_proto::relay::{AdmittedEvent, Record, Visit};
use footfall_proto::traffic_source;
use prost::Message;

use crate::support::{RunningEdge, WEBSITE, batch, body, config, folder};

fn view(id: u8, path: &str, referrer: &str) -> Event {
    Event {
        event_id: vec![id; 16].into(),
        page_view_id: vec![id; 16].into(),
        event_type: "pageview".into(),
        page_url: format!("https://www.example.org{path}"),
        page_referrer: referrer.into(),
        ..Event::default()
    }
}

/// Of each event stored: class, who sent the visit, medium, and whether the edge knew.
fn sources(edge: &RunningEdge) -> Vec<(String, String, String, bool)> {
    let events = edge.records().into_iter().flat_map(|record| record.events);
    events
        .map(|event| (event.traffic_source, event.source_name, event.traffic_medium, event.source_known))
        .collect()
}

fn known(class: &str, name: &str, medium: &str) -> (String, String, String, bool) {
    (class.into(), name.into(), medium.into(), true)
}

fn unknown() -> (String, String, String, bool) {
    ("other".into(), String::new(), String::new(), false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_from_a_search_engine_is_one_visit_of_it_across_a_restart() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let landing = view(1, "/shoes", "https://www.google.com/");
    assert_eq!(edge.send(body(vec![landing])).await.0, 204);
    assert_eq!(edge.send(body(vec![view(2, "/cart", "https://www.example.org/shoes")])).await.0, 204);
    edge.stop().await;

    let edge = RunningEdge::start(config(dir.path())).await;
    let purchase = Event {
        event_type: "transaction".into(),
        transaction_revenue: Some(10.5),
        page_view_id: vec![3; 16].into(),
        ..view(4, "/thanks", "https://www.example.org/cart")
    };
    // Another referrer in the middle of a visit, and a campaign's link, begin no other visit.
    let elsewhere = view(3, "/thanks?utm_source=news", "https://pay.example/");
    assert_eq!(edge.send(body(vec![elsewhere, purchase])).await.0, 204);
    assert_eq!(sources(&edge), vec![known("organic", "google", "organic"); 4]);
    let events: Vec<_> = edge.records().into_iter().flat_map(|record| record.events).collect();
    assert!(events.iter().all(|event| event.session_id == events[0].session_id));
    let second = Event::decode(events[1].event.clone()).expect("an event");
    assert_eq!(second.page_referrer, "https://www.example.org/shoes", "what the page said stays");
    assert!(edge.records().iter().all(|record| record.traffic_source_version == traffic_source::VERSION));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_began_elsewhere_is_of_an_unknown_source_and_never_direct() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let internal = view(1, "/cart", "https://www.example.org/shoes");
    let typed = view(2, "/help", "");
    assert_eq!(edge.send(body(vec![internal, typed])).await.0, 204);
    assert_eq!(sources(&edge), [unknown(), unknown()]);
    // The first event that names a sender is the first that is known of the visit.
    let found = view(3, "/thanks", "https://www.google.com/");
    assert_eq!(edge.send(body(vec![found, view(4, "/a", "https://www.example.org/thanks")])).await.0, 204);
    assert_eq!(sources(&edge)[2..], vec![known("organic", "google", "organic"); 2]);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_the_beacon_keeps_have_a_source_each() {
    let dir = folder();
    let edge = RunningEdge::start(config(dir.path())).await;
    let mut sent = batch(Vec::new());
    (sent.user_id, sent.consent) = ("alice".into(), Consent::Granted as i32);
    for (session, event) in [
        ("monday", view(1, "/?utm_source=letter&utm_medium=email&utm_content=top", "")),
        ("tuesday", view(2, "/", "")),
        ("monday", view(3, "/a", "https://www.example.org/")),
        ("tuesday", view(4, "/a", "https://www.example.org/")),
        ("wednesday", view(5, "/a", "https://www.example.org/")),
    ] {
        sent.session_id = session.into();
        sent.events = vec![event];
        assert_eq!(edge.send(sent.encode_to_vec()).await.0, 204);
    }
    let letter = known("email", "letter", "email");
    let direct = known("direct", "direct", "none");
    assert_eq!(sources(&edge), [letter.clone(), direct.clone(), letter, direct, unknown()]);
    let contents: Vec<_> = edge
        .records()
        .into_iter()
        .flat_map(|record| record.events)
        .map(|event| event.traffic_content)
        .collect();
    assert_eq!(contents, ["top", "", "top", "", ""]);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_an_earlier_build_is_refused_in_a_sentence() {
    let dir = folder();
    let config = config(dir.path());
    let (journal, _) =
        Journal::open(footfall_journal::Options::new(config.data.join("journal"))).expect("a journal");
    let event = AdmittedEvent { traffic_source: "google".into(), ..AdmittedEvent::default() };
    let record = Record {
        website_id: WEBSITE.into(),
        server_timestamp_ms: 1_795_424_400_000,
        visit: Some(Visit::default()),
        events: vec![event],
        ..Record::default()
    };
    journal.append(vec![record.encode_to_vec().into()]).await.expect("appended");
    journal.close();
    drop(journal);
    let parts = footfall_edge::edge::Parts::load(&config).expect("parts");
    let refused = tokio::task::spawn_blocking(|| footfall_edge::edge::Edge::open(config, parts).err());
    let sentence = refused.await.expect("no panic").expect("refused").to_string();
    assert!(sentence.contains("earlier build") && sentence.contains("empty data folder"), "{sentence}");
}
