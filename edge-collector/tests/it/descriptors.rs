//! The program where it may open few files: strangers' sockets never take those that the journal needs.

use footfall_harness::process::{Process, with_at_most_descriptors};
use prost::Message as _;
use tokio::net::TcpStream;

use crate::check::Place;
use crate::support::{CHROME, body, page_view, policy, policy_file};

/// What the process may open.
const DESCRIPTORS: u32 = 256;
/// More than that.
const STRANGERS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn idle_strangers_never_take_the_descriptors_that_the_journal_needs() {
    let place = Place::new();
    std::fs::create_dir(place.data()).expect("made");
    std::fs::write(policy_file(&place.data()), policy(7).encode_to_vec()).expect("written");
    let settings = [
        ("FOOTFALL_JOURNAL_SEGMENT_BYTES", "65536"),
        ("FOOTFALL_HTTP_MAX_CONNECTIONS", "10000"),
        ("FOOTFALL_HTTP_MAX_CONNECTIONS_PER_ADDRESS", "10000"),
    ];
    let command = place.command(&["--until-eof"], &settings);
    let edge = Process::start(&mut with_at_most_descriptors(&command, DESCRIPTORS));
    let url = edge.said("http").to_owned();

    let mut strangers = Vec::new();
    for _ in 0..STRANGERS {
        strangers.push(TcpStream::connect(url.trim_start_matches("http://")).await.expect("taken or queued"));
    }
    let visitor = reqwest::Client::builder().user_agent(CHROME).no_proxy().build().expect("a client");
    let segments = || {
        let files = std::fs::read_dir(place.data().join("journal")).expect("a journal");
        files.flatten().filter(|file| file.path().extension().is_some_and(|kind| kind == "segment")).count()
    };
    let mut number = 0_u128;
    while segments() < 6 {
        let events = (0..50).map(|_| {
            number += 1;
            let mut event = page_view(1);
            event.event_id = number.to_be_bytes().to_vec().into();
            event.page_title = "x".repeat(1000);
            event
        });
        let sent = visitor.post(format!("{url}/e")).body(body(events.collect())).send().await;
        assert_eq!(sent.expect("answered").status(), 204, "after {number} events");
        assert!(number < 50_000, "the journal has segments of 64 KiB");
    }
    drop(strangers);
    assert!(edge.finish().success());
}
