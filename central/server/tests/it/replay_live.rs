//! The live view in Redis, rebuilt from the raw log: the same counters as the straight run, however often.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::readiness::settings::Scene;
use crate::support::redis::Space;
use crate::support::{eventually, open_log, record_of, send, services};
use bytes::Bytes;
use footfall_live::redis::{MinuteCounts, Redis};
use serde_json::Value;

const SITES: [&str; 2] = ["0191d0a4-0000-7000-8000-000000000001", "0191d0a4-0000-7000-8000-000000000002"];

/// Appends records to the log of a central that does not run, some minutes ago each; every tenth is sent twice.
async fn fill(scene: &Scene, epoch: u8, records: u64) {
    std::fs::create_dir_all(scene.place.data()).expect("made");
    let log = open_log(&scene.place.data()).await;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    for number in 0..records {
        let at_ms = now_ms - (number % 50) as i64 * 60_000;
        let id = u64::from(epoch) * 10_000 + number;
        let record = record_of(SITES[(number % 2) as usize], id, 2, at_ms);
        for _ in 0..=u64::from(number % 10 == 0) {
            let epoch = Bytes::copy_from_slice(&[epoch; 16]);
            send(&log, "edge-1", epoch, number, vec![record.clone()]).await.expect("appended");
        }
    }
    // Too old for the view, though of the raw log.
    let old = record_of(SITES[0], u64::from(epoch) * 10_000 + records, 2, now_ms - 3 * 3_600_000);
    send(&log, "edge-1", Bytes::copy_from_slice(&[epoch; 16]), records, vec![old]).await.expect("appended");
    tokio::task::spawn_blocking(move || log.close()).await.expect("closed");
}

/// Runs central until Redis has so many events, then ends it.
async fn run_until(scene: &Scene, view: &Redis, events: u64) -> BTreeMap<i64, MinuteCounts> {
    let mut central = scene.place.spawn();
    eventually("the events", async || sum(&view.held().await.expect("held")).events >= events).await;
    central.lacks_nothing().await;
    // Nothing more comes: whatever was sent twice would be there by now.
    eventually("the raw log", async || {
        let (_, metrics) = central.get("/metrics").await;
        ["live", "raw_log"]
            .iter()
            .all(|sink| metrics.contains(&format!("sink_lag_records{{sink=\"{sink}\",partition=\"0\"}} 0\n")))
    })
    .await;
    central.signal("-TERM");
    assert!(central.wait().success());
    view.held().await.expect("held")
}

fn sum(held: &BTreeMap<i64, MinuteCounts>) -> MinuteCounts {
    held.values().fold(MinuteCounts::default(), |sum, more| MinuteCounts {
        events: sum.events + more.events,
        pageviews: sum.pageviews + more.pageviews,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_hour_is_what_the_straight_run_counted_however_often_it_is_rebuilt() {
    let mut scene = Scene::new();
    let space = Space::shared().await;
    let prefix = space.options().prefix;
    scene.place.set("live", crate::readiness::settings::live(&services::redis().password_file, &prefix));
    scene.place.set("blobs", "close_after_seconds = 1".to_owned());
    let view = Redis::open(space.options());
    tokio::time::timeout(Duration::from_secs(10), view.ready()).await.expect("Redis answers");
    fill(&scene, 1, 200).await;
    let straight = run_until(&scene, &view, 400).await;
    assert_eq!(sum(&straight), MinuteCounts { events: 400, pageviews: 400 });

    let rebuild = |expected: u64| {
        let output = scene.place.ask(&["replay", "--into", "live", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let [events, held] = ["events", "held_events"].map(|key| report[key].as_u64().expect("a count"));
        assert_eq!((events, held), (expected, expected), "{report}");
        report
    };
    // As it is, with rubbish in it, and emptied.
    assert_eq!(
        rebuild(400)["raw_records"].as_u64(),
        Some(221),
        "resends and what is too old are read as well"
    );
    assert_eq!(view.held().await.expect("held"), straight);
    space.clear_keys().await;
    rebuild(400);
    rebuild(400);
    assert_eq!(view.held().await.expect("held"), straight, "counted once");
    space.every_key_ends().await;

    // Central goes on where the raw log ends: what it reads again changes no counter, and what is new is counted.
    fill(&scene, 2, 100).await;
    let after = run_until(&scene, &view, 600).await;
    assert_eq!(sum(&after), MinuteCounts { events: 600, pageviews: 600 });
    rebuild(600);
    assert_eq!(view.held().await.expect("held"), after);

    let text = scene.place.ask(&["replay", "--into", "live"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.starts_with("the last hour: ") && text.contains("Redis holds 600 and 600"), "{text}");
    let unsaid = scene.place.ask(&["replay", "--into", "events"]);
    assert_eq!(unsaid.status.code(), Some(64), "days have to be named");
    space.clear().await;
}
