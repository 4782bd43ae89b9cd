//! `kill -9` of edge, central and event store at random moments under load: every event that was answered with success is
//! in ClickHouse exactly once. `FOOTFALL_KILLS` sets the rounds, `FOOTFALL_SEED` tells a story again.

use std::time::Duration;

use footfall_tests::cluster::{CATCH_UP, cluster};
use footfall_tests::load::Load;
use footfall_tests::random::Random;
use footfall_tests::run::{Server, is_running};
use footfall_tests::setting::number;
use footfall_tests::wait::until;

/// Rounds unless `FOOTFALL_KILLS` says otherwise.
const ROUNDS: u64 = 10;
/// What an event store may take to notice that nobody needs it any more and to close.
const ORPHAN: Duration = Duration::from_secs(10);
/// Senders at once.
const SENDERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost_or_doubled() {
    let rounds = number("FOOTFALL_KILLS", ROUNDS);
    let mut random = Random::told("kills");
    let cluster = cluster().start().await;
    let load = Load::start(&cluster, SENDERS, &mut random);
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(200 + random.below(2500))).await;
        let server = Server::ALL[(round % 3) as usize];
        let before = cluster.ledger().answered_count();
        let old = cluster.kill(server);
        if random.below(3) == 0 {
            // The edge answers on while central or the database is away; sometimes a second one dies meanwhile.
            let other = Server::ALL[random.below(3) as usize];
            if other != server {
                tokio::time::sleep(Duration::from_millis(random.below(800))).await;
                cluster.kill_if_running(other);
            }
        }
        cluster.until_back(server, old).await;
        println!(
            "round {round}: killed {} ({old}), {} answered before, {} now",
            server.program(),
            before,
            cluster.ledger().answered_count()
        );
    }
    load.stop().await;
    let (answered, open) = (cluster.ledger().answered_count(), cluster.ledger().open_count());
    assert!(answered as u64 > 100 * rounds.min(10), "only {answered} were answered: this was no load");
    cluster.each_stored_once().await;
    println!(
        "{rounds} kills, {answered} events answered, {open} never answered: each answered one is stored once"
    );
    cluster.finish().await;
}

#[tokio::test]
async fn an_event_store_whose_central_was_killed_ends_by_itself_and_makes_room() {
    let cluster = cluster().start().await;
    cluster.send(10).await;
    let orphan = cluster.now().pids.event_store;
    let old = cluster.kill(Server::Central);
    let program = Server::EventStore.program();
    until("the orphan ends", ORPHAN, || async { (!is_running(orphan, program)).then_some(()) }).await;
    cluster.until_back(Server::Central, old).await;
    until("another one runs", CATCH_UP, || async {
        (cluster.now().pids.event_store != orphan).then_some(())
    })
    .await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}
