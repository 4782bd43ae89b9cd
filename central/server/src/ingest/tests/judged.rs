//! What an edge with a valid certificate says that it cannot know: a forged journal is acknowledged, kept and parked, and moves nobody.

use footfall_log::PoisonReason;
use footfall_proto::relay::ParkReason;

use super::*;

const DAY_MS: i64 = 86_400_000;

/// What the log says of the records with these edge offsets: why they are parked, nothing for those that stores get.
async fn verdicts(central: &Central) -> Vec<(u64, Option<PoisonReason>)> {
    let end = central.partition().end();
    let mut cursor = central.partition().observer("test", UNIX_EPOCH).await.expect("observer");
    let mut verdicts = Vec::new();
    while cursor.position() < end {
        let batch =
            timeout(Duration::from_secs(10), cursor.next()).await.expect("in time").expect("readable");
        verdicts.extend(batch.records().iter().map(|record| (record.offset, None)));
        verdicts.extend(batch.poison().map(|poison| (poison.offset, Some(poison.reason))));
    }
    verdicts.sort_unstable_by_key(|(offset, _)| *offset);
    verdicts
}

/// The metadata was looked at, and these are the websites.
fn publish(central: &Central, policy_id: u64, sites: &[&str]) {
    let site = |id: &&str| Site { website_id: (*id).to_owned(), ..Site::default() };
    central.policy.send_replace(Arc::new(Policy { policy_id, sites: sites.iter().map(site).collect() }));
}

fn look(central: &Central, times: u64) {
    central.looks.send_modify(|looks| *looks += times);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_journal_is_acknowledged_and_parked_with_reasons_and_what_is_true_of_it_is_stored() {
    let central = Central::start_with(|context| context.patience.look = Duration::from_millis(50)).await;
    publish(&central, 7, &["site"]);
    let now = connection::now_ms();
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    let rubbish = Bytes::from_static(b"\xff\xff rubbish");
    let records = [
        record_of("site", 0, now),
        record_of("not-a-site", 1, now),
        record_of("site", 2, 1_930_000_000_000),
        record_of("site", 3, now - 31 * DAY_MS),
        rubbish,
        record_of("site", 5, now - 29 * DAY_MS),
    ];
    edge.send_records(0, &records).await;
    assert_eq!(edge.acked().await, 6, "whoever forges is told nothing");
    let expected = [
        None,
        Some(PoisonReason::UnknownSite),
        Some(PoisonReason::Ahead),
        Some(PoisonReason::TooOld),
        Some(PoisonReason::Record),
        None,
    ];
    assert_eq!(verdicts(&central).await, (0..).zip(expected).collect::<Vec<_>>());
    let counted = |reason| central.metrics.of_reason(reason).get();
    assert_eq!(counted(ParkReason::UnknownSite), 1);
    assert_eq!([ParkReason::Ahead, ParkReason::TooOld, ParkReason::Unreadable].map(counted), [1; 3]);
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_website_that_is_younger_than_the_policy_is_looked_for_and_found() {
    let central = Central::start().await;
    publish(&central, 7, &["site"]);
    let (mut edge, mut other) = (central.connect("edge-1").await, central.connect("edge-2").await);
    edge.hello(0).await;
    other.hello(0).await;
    edge.send_records(0, &[record_of("young", 0, connection::now_ms()), record(1)]).await;
    edge.send_records(2, &[record(2)]).await;
    // One look may have begun before the record came, and says nothing.
    look(&central, 1);
    other.send_batch(0, 1).await;
    assert_eq!(other.acked().await, 1, "nobody else waits for it");
    let early = timeout(Duration::from_millis(100), edge.receiver.read_chunk(1, true)).await;
    assert!(early.is_err(), "it was not acknowledged before it was looked for");
    publish(&central, 8, &["site", "young"]);
    look(&central, 1);
    assert_eq!((edge.acked().await, edge.acked().await), (2, 3), "in order");
    assert!(verdicts(&central).await.iter().all(|(_, parked)| parked.is_none()));
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_websites_cause_no_questions_and_hold_up_only_who_names_them() {
    let central = Central::start().await;
    publish(&central, 7, &["site"]);
    let (mut forger, mut edge) = (central.connect("edge-1").await, central.connect("edge-2").await);
    forger.hello(0).await;
    edge.hello(0).await;
    let now = connection::now_ms();
    for batch in 0..20_u64 {
        let made_up: Vec<_> =
            (0..50).map(|site| record_of(&format!("made-up-{batch}-{site}"), site, now)).collect();
        forger.send_records(batch * 50, &made_up).await;
    }
    // Nobody looks at the metadata meanwhile.
    for batch in 0..50 {
        edge.send_batch(batch * 10, 10).await;
        assert_eq!(edge.acked().await, batch * 10 + 10);
    }
    assert_eq!(central.partition().end(), 500, "what is not known waits");
    // Each look lets a batch of new names through, however many they are.
    let mut acked = 0;
    while acked < 1000 {
        look(&central, 2);
        if let Ok(ack) = timeout(Duration::from_millis(50), forger.receive()).await {
            let to_edge::Message::Ack(ack) = ack else { panic!("no acknowledgement but {ack:?}") };
            acked = ack.next_offset;
        }
    }
    let parked = central.metrics.of_reason(ParkReason::UnknownSite).get();
    assert_eq!(parked, 1000);
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_a_missing_website_again_does_not_wait_again() {
    let central = Central::start_with(|context| context.patience.look = Duration::from_mins(1)).await;
    publish(&central, 7, &["site"]);
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    let gone = |number| record_of("gone", number, connection::now_ms());
    edge.send_records(0, &[gone(0)]).await;
    while central.partition().end() == 0 {
        look(&central, 1);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(edge.acked().await, 1);
    for batch in 1..20 {
        edge.send_records(batch, &[gone(batch as u8)]).await;
        assert_eq!(edge.acked().await, batch + 1);
    }
    let parked = central.metrics.of_reason(ParkReason::UnknownSite).get();
    assert_eq!(parked, 20, "each was judged, the ones that did not wait as well");
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_metadata_has_answered_no_website_is_taken_for_missing() {
    let central = Central::start().await;
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    edge.send_records(0, &[record_of("anything", 0, connection::now_ms()), record_of("site", 1, 1)]).await;
    assert_eq!(edge.acked().await, 2);
    assert_eq!(
        verdicts(&central).await,
        [(0, None), (1, Some(PoisonReason::TooOld))],
        "but the time is judged"
    );
    central.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_builds_record_cannot_keep_the_log_from_opening() {
    let central = Central::start().await;
    let mut edge = central.connect("edge-1").await;
    edge.hello(0).await;
    let forged =
        Record { website_id: "site".into(), server_timestamp_ms: connection::now_ms(), ..Record::default() };
    edge.send_records(0, &[forged.encode_to_vec().into()]).await;
    assert_eq!(edge.acked().await, 1);
    let dir = central.stop_and_keep().await;
    let options = footfall_log::embedded::Options {
        dir: dir.path().to_owned(),
        max_bytes: 64 << 20,
        segment_bytes: 1 << 20,
        lock_wait: Duration::from_secs(5),
    };
    let log = Log::embedded(options, footfall_log::Metrics::default()).await.expect("the log opens");
    log.close();
}
