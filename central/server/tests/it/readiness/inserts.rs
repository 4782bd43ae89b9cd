//! An event store that answers and would take no insert: `/readyz` says so although nothing is to be stored, and is well again by itself.

use std::process::Command;

use crate::readiness::settings::Scene;
use crate::support::central::Place;

/// What `/readyz` says first of such a store.
const REFUSES: &str = "takes no inserts";

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_under_way_is_told() {
    let mut scene = Scene::new();
    let mut central = scene.place.spawn();
    central.lacks_nothing().await;
    scene.store.kill();
    scene.store.come_back_with("another password");
    central.lacks(&[&scene.store.url, REFUSES, "event_store.password_file"]).await;
    scene.place.file("clickhouse.password", "another password");
    central.lacks_nothing().await;
    drop(central);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lets_us_read_only_is_told() {
    let scene = Scene::new();
    let mut central = scene.place.spawn();
    central.lacks_nothing().await;
    let run = async |sql: &str| scene.events.query(sql).execute().await.expect("done");
    // Of parts there may be none, as it were: what a table that does not merge any more comes to.
    run("INSERT INTO events_local (website_id) VALUES ('w')").await;
    run("ALTER TABLE events_local MODIFY SETTING parts_to_throw_insert = 1").await;
    central.lacks(&[&scene.store.url, REFUSES, "too many parts"]).await;
    run("ALTER TABLE events_local RESET SETTING parts_to_throw_insert").await;
    central.lacks_nothing().await;

    run("RENAME TABLE events_local TO elsewhere").await;
    central.lacks(&[&scene.store.url, REFUSES, "a table is missing"]).await;
    run("RENAME TABLE elsewhere TO events_local").await;
    central.lacks_nothing().await;
    drop(central);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_what_it_is_sent_and_does_nothing_is_told() {
    let scene = Scene::new();
    let mut central = scene.place.spawn();
    central.lacks_nothing().await;
    // Every thread that inserts run on is taken; a ping needs none of them, and neither does what is only read.
    scene.events.query("CREATE TABLE nowhere (x UInt8) ENGINE = Null").execute().await.expect("made");
    let mut busy = tokio::task::JoinSet::new();
    for _ in 0..160 {
        let client = scene.events.clone();
        busy.spawn(async move {
            loop {
                // Whatever the answer is, the next question follows.
                let busy = "INSERT INTO nowhere SELECT sleepEachRow(0.5) FROM numbers(6)";
                let _ = client.query(busy).execute().await;
            }
        });
    }
    central.lacks(&[&scene.store.url, REFUSES]).await;
    busy.shutdown().await;
    central.lacks_nothing().await;
    drop(central);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_that_is_killed_is_told_and_started_again() {
    let place = Place::new();
    let mut central = place.start(&[]);
    central.lacks_nothing().await;
    let pid = central.event_store().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill runs").success());
    central.lacks(&["the event store"]).await;
    central.lacks_nothing().await;
    drop(central);
}

/// Nothing that is tried is ever seen.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_leaves_no_row_and_no_part() {
    let scene = Scene::new();
    let mut central = scene.place.spawn();
    central.lacks_nothing().await;
    // Twice the period would be long: a refusal makes it try every other second.
    let run = async |sql: &str| scene.events.query(sql).execute().await.expect("done");
    run("RENAME TABLE events_local TO elsewhere").await;
    central.lacks(&[REFUSES]).await;
    run("RENAME TABLE elsewhere TO events_local").await;
    central.lacks_nothing().await;
    for held in
        ["SELECT count() FROM events_local", "SELECT count() FROM system.parts WHERE table = 'events_local'"]
    {
        assert_eq!(scene.events.query(held).fetch_one::<u64>().await.expect("an answer"), 0, "{held}");
    }
    drop(central);
}
