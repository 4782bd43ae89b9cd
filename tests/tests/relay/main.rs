//! The two real ends of the relay in one process: an edge's HTTP, journal and forwarder, a lossy link, central's ingest, log and reader.
//! Histories of cuts, moves and restarts are drawn from seeds. Looks at what was answered and at what the log holds, and at nothing
//! between.
//!
//! `FOOTFALL_HISTORIES` sets how many histories are played (4), `FOOTFALL_SEED` the first one's seed (1).

mod ends;
mod history;

use footfall_tests::setting;
use futures_util::{StreamExt as _, stream};

/// Histories played beside each other: most of their time they wait.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_link_does_the_log_has_each_answered_event_once_and_in_order() {
    let (histories, first) = (setting::number("FOOTFALL_HISTORIES", 4), setting::number("FOOTFALL_SEED", 1));
    let played: Vec<_> = stream::iter(first..first + histories)
        .map(|seed| async move {
            let told = history::play(seed).await;
            println!("seed {seed}: {told:?}");
            told
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let all = |figure: fn(&history::Told) -> u64| played.iter().map(figure).sum::<u64>();
    assert!(all(|told| told.answered) > 100 * histories, "the edges were busy");
    assert!(all(|told| told.link.lost) > 0 && all(|told| told.link.blackholed) > 0, "the links were bad");
    assert!(all(|told| told.resent) > 0, "no record had to be sent twice: the histories are too kind");
}
