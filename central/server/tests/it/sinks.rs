//! A sink that only a person can help, in the real program: the others begin, run and stop as if nothing had happened.

use std::path::Path;

use bytes::Bytes;
use footfall_log::Incarnation;

use crate::readiness::settings::Scene;
use crate::support::{append, eventually, only, open_log, send};

/// What each sink committed, in the embedded log; the live view commits nothing, and has no error that mends not by itself.
const SINKS: [&str; 3] = ["clickhouse", "raw_log", "dead_letters"];
const RECORDS: u64 = 20;

/// As it is after a part of the log was lost: the sink has got records that the log has not.
fn lose_records_that_were_stored(sink: &str, data: &Path, incarnation: Incarnation) {
    if sink == "raw_log" {
        // What it has got is what its store says.
        let folder = data.join(format!("blobs/raw/{incarnation}/2026-11-23/12"));
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join(format!("0-{:020}-{:020}-1-1000-00000000.zst", 0, 999)), "")
            .expect("written");
    } else {
        let offsets = data.join("log/offsets");
        std::fs::create_dir_all(&offsets).expect("made");
        std::fs::write(offsets.join(format!("{sink}.offset")), format!("{incarnation} 1000\n"))
            .expect("written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_only_a_person_can_help_delays_no_other() {
    for stopped in SINKS {
        let mut scene = Scene::new();
        scene.place.set("blobs", "backend = 'folder'\nclose_after_seconds = 1".to_owned());
        std::fs::create_dir_all(scene.place.data()).expect("made");
        let log = open_log(&scene.place.data()).await;
        append(&log, 1, 0, RECORDS - 1).await;
        let rubbish = vec![Bytes::from_static(b"\xff\xff rubbish")];
        send(&log, "edge-1", Bytes::from_static(&[1; 16]), RECORDS - 1, rubbish).await.expect("appended");
        let incarnation = only(&log).incarnation();
        tokio::task::spawn_blocking(move || log.close()).await.expect("closed");
        lose_records_that_were_stored(stopped, &scene.place.data(), incarnation);

        let mut central = scene.place.start(&[]);
        central.lacks(&[stopped, "cannot begin", "part of it was lost"]).await;
        eventually("the others", async || {
            let (_, metrics) = central.get("/metrics").await;
            let lag = |sink: &str| {
                let line = format!("footfall_central_sink_lag_records{{sink=\"{sink}\",partition=\"0\"}} ");
                metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse::<u64>().ok())
            };
            ["clickhouse", "raw_log", "dead_letters", "live"]
                .iter()
                .all(|sink| *sink == stopped || lag(sink) == Some(0))
        })
        .await;
        let stored = scene.events.query("SELECT count() FROM events_local").fetch_one::<u64>().await;
        let expected = if stopped == "clickhouse" { 0 } else { 2 * (RECORDS - 1) };
        assert_eq!(stored.expect("an answer"), expected, "while {stopped} has stopped");
        let parked = scene.place.ask(&["dead-letter", "list", "--json"]);
        let parked = parked.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        assert_eq!(parked, usize::from(stopped != "dead_letters"), "while {stopped} has stopped");
        assert_eq!(central.missing().await.map(|missing| missing.len()), Some(1), "nobody else complains");
        central.signal("-TERM");
        assert!(central.wait().success());
    }
}
