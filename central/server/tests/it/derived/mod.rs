//! Every row of every derived table equals what an oracle in plain Rust computes from the list of events, whatever the history and whoever
//! is killed in between.

mod aggregates;
mod event;
mod goals;
mod history;
mod oracle;
mod system;
mod tables;

use fastrand::Rng;

use crate::metadata::fixture::Fixture;
use oracle::Event;
use system::{System, now_ms};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_simple_history() {
    let mut rng = Rng::with_seed(1);
    let fixture = Fixture::sqlite();
    let metadata = fixture.open().await;
    let now = now_ms();
    let window = (now - 5 * DAY_MS, now - 2 * DAY_MS);
    let sites = goals::websites(&metadata, &mut rng, 0).await;
    let goals = goals::goals(&fixture, &metadata, &mut rng, &sites[0].0, window).await;
    let sites: Vec<_> = sites[..1].iter().map(|(_, site)| site.clone()).collect();
    let requests = history::requests(&mut rng, &sites, window, 50);
    let mut system = System::start(metadata, 1).await;
    system.start_sink();
    system.start_derivation();
    system.append(&requests, &mut rng).await;
    system.stored().await;
    let begun = std::time::Instant::now();
    let reach = system.derived(now - DAY_MS).await;
    println!("derived after {:?}: {reach:?}", begun.elapsed());
    system.drop_derivation().await;
    let events: Vec<Event<'_>> = system.events().await;
    let wanted = oracle::tables(&events, &goals, reach);
    let found = system.tables().await;
    let differences = tables::differences(&wanted, &found);
    assert!(differences.is_empty(), "{differences}");
    drop(events);
    system.stop().await;
}
