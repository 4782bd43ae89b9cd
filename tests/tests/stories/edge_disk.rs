//! An edge's disk wiped, restored from an old copy, and cloned: nothing new is lost or taken for old, and what the copy held and
//! central had already is stored once.

use std::path::Path;

use footfall_tests::beside::{Beside, copy_folder};
use footfall_tests::cluster::{Cluster, cluster};
use footfall_tests::event::{self, BROWSER};
use uuid::Uuid;

#[tokio::test]
async fn a_wiped_disk_and_one_restored_from_an_old_copy_lose_and_suppress_nothing_new() {
    let mut cluster = cluster().start().await;
    let backup = tempfile::tempdir().expect("a temporary folder");
    let (disk, copy) = (cluster.folder().join("edge"), backup.path().join("edge"));
    cluster.send(30).await;
    cluster.each_stored_once().await;
    cluster.start_again_after(|| copy_folder(&disk, &copy)).await;
    cluster.send(30).await;
    cluster.each_stored_once().await;

    cluster.start_again_after(|| wipe(&disk)).await;
    cluster.send(30).await;
    cluster.each_stored_once().await;

    // The copy is older than what central acknowledged since, and knows nothing of it.
    let restore = || {
        wipe(&disk);
        copy_folder(&copy, &disk);
    };
    cluster.start_again_after(restore).await;
    cluster.send(30).await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}

#[tokio::test]
async fn two_edges_on_copies_of_one_disk_under_one_name_lose_and_suppress_nothing() {
    let cluster = cluster().start().await;
    cluster.send(30).await;
    let clone = Beside::cloned_edge(&cluster).await;
    for _ in 0..30 {
        cluster.send(1).await;
        post(&cluster, &clone).await;
    }
    cluster.each_stored_once().await;
    clone.stop().await;
    cluster.send(5).await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}

/// A page view to the clone, which must be answered with success.
async fn post(cluster: &Cluster, clone: &Beside) {
    let id = Uuid::now_v7();
    let view = event::page_view(id, "https://127.0.0.1/cloned");
    cluster.ledger().sent(&[id]);
    let request = cluster.http().post(format!("{}/e", clone.url())).header("user-agent", BROWSER);
    let body = event::batch(&cluster.run().tracking_id, &[view]);
    let answer =
        request.header("content-type", "text/plain").body(body).send().await.expect("the clone answers");
    assert_eq!(answer.status(), 204);
    cluster.ledger().answered([id]);
}

/// As a new disk: `up` writes the settings again.
fn wipe(disk: &Path) {
    std::fs::remove_dir_all(disk).expect("it was there");
}
