//! The same event, batch or insert more than once: one row that counts. Where a repeat is born is where each story begins.

use footfall_tests::cluster::{CATCH_UP, Cluster, cluster};
use footfall_tests::event;
use footfall_tests::ledger::Rows;
use footfall_tests::run::Server;
use footfall_tests::wait::until;
use uuid::Uuid;

const URL: &str = "https://127.0.0.1/again";

#[tokio::test]
async fn the_same_event_sent_twice_is_one_row_and_says_duplicate() {
    let cluster = cluster().start().await;
    let id = Uuid::now_v7();
    let view = event::batch(&cluster.run().tracking_id, &[event::page_view(id, URL)]);
    cluster.ledger().sent(&[id]);
    assert_eq!(cluster.post(view.clone()).await.status(), 204);
    cluster.ledger().answered([id]);
    assert_eq!(reasons(cluster.post(view.clone()).await).await, ["duplicate"]);

    // The window is in memory, and rebuilt from the journal: a crash does not forget.
    let old = cluster.kill(Server::Edge);
    cluster.until_back(Server::Edge, old).await;
    assert_eq!(reasons(cluster.post(view).await).await, ["duplicate"]);

    cluster.each_stored_once().await;
    assert_eq!(rows(&cluster, id).await, Rows { counted: 1, marked: 0 });
    cluster.finish().await;
}

#[tokio::test]
async fn the_same_id_with_other_content_cannot_suppress_an_event() {
    let cluster = cluster().start().await;
    let id = Uuid::now_v7();
    let tracking_id = &cluster.run().tracking_id;
    assert_eq!(cluster.post(event::batch(tracking_id, &[event::page_view(id, URL)])).await.status(), 204);
    let other = event::batch(tracking_id, &[event::page_view(id, "https://127.0.0.1/other")]);
    assert!(cluster.post(other).await.status().is_success());
    let query =
        "SELECT page_path FROM footfall.events WHERE is_duplicate = 0 ORDER BY page_path FORMAT TabSeparated";
    until("both are stored", CATCH_UP, || async {
        (cluster.try_clickhouse(query).await.ok()? == "/again\n/other").then_some(())
    })
    .await;
    let ids = cluster.clickhouse("SELECT uniqExact(event_id) FROM footfall.events").await;
    assert_eq!(ids, "2", "the second is stored under an id of its own");
    cluster.finish().await;
}

#[tokio::test]
async fn a_batch_relayed_twice_is_skipped_by_central() {
    let mut cluster = cluster().start().await;
    cluster.send(50).await;
    cluster.each_stored_once().await;
    let before = all_rows(&cluster).await;

    // The edge forgets what central acknowledged, as if every acknowledgement had been lost: it sends all of it again.
    let position = cluster.folder().join("edge/position");
    cluster
        .start_again_after(|| {
            std::fs::remove_file(&position).expect("the edge keeps what was acknowledged in this file");
        })
        .await;
    cluster.send(1).await;
    cluster.each_stored_once().await;
    assert_eq!(all_rows(&cluster).await, before + 1, "a resend is no row at all, marked or not");
    cluster.finish().await;
}

#[tokio::test]
async fn a_repeat_that_the_edge_cannot_know_is_marked_and_does_not_count() {
    let mut cluster = cluster().start().await;
    let id = Uuid::now_v7();
    let view = event::batch(&cluster.run().tracking_id, &[event::page_view(id, URL)]);
    cluster.ledger().sent(&[id]);
    assert_eq!(cluster.post(view.clone()).await.status(), 204);
    cluster.ledger().answered([id]);
    cluster.each_stored_once().await;

    // A wiped disk: the edge knows nothing of the event, and its journal counts from the beginning in a new epoch.
    let disk = cluster.folder().join("edge");
    cluster
        .start_again_after(|| {
            for name in ["journal", "position"] {
                let path = disk.join(name);
                let removed =
                    if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
                removed.expect("a disk can be wiped");
            }
        })
        .await;
    assert_eq!(cluster.post(view).await.status(), 204);
    until("the repeat is stored", CATCH_UP, || async {
        (rows(&cluster, id).await.marked == 1).then_some(())
    })
    .await;
    cluster.each_stored_once().await;
    assert_eq!(rows(&cluster, id).await, Rows { counted: 1, marked: 1 });
    cluster.finish().await;
}

async fn reasons(answer: reqwest::Response) -> Vec<String> {
    assert_eq!(answer.status(), 200);
    let value: serde_json::Value =
        serde_json::from_str(&answer.text().await.expect("a whole answer")).expect("JSON");
    let dropped = value["dropped"].as_array().expect("what was dropped").clone();
    dropped.iter().map(|drop| drop["reason"].as_str().expect("a reason").to_owned()).collect()
}

async fn rows(cluster: &Cluster, id: Uuid) -> Rows {
    cluster.stored().await.expect("ClickHouse answers").get(&id).copied().unwrap_or_default()
}

async fn all_rows(cluster: &Cluster) -> u64 {
    cluster.clickhouse("SELECT count() FROM footfall.events").await.parse().expect("a count")
}
