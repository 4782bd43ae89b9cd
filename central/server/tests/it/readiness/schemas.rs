//! Schemas that a newer program has made: nothing is touched, and central goes on once an older copy is back.

use crate::metadata::fixture::Fixture;
use crate::readiness::settings::{self, Scene};

/// What a newer program would have noted.
const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (20990101000000, \
                     'flying', true, 'x', 0)";
const OLDER: &str = "DELETE FROM _sqlx_migrations WHERE version = 20990101000000";

#[tokio::test(flavor = "multi_thread")]
async fn postgresqls() {
    let mut scene = Scene::new();
    let fixture = Fixture::postgresql().await;
    fixture.open().await.close().await;
    fixture.sql(NEWER).await.expect("noted");
    scene.place.set("metadata", settings::metadata(fixture.server()));
    let mut central = scene.place.spawn();
    let named = format!("PostgreSQL {}:{}", fixture.server().host, fixture.server().port);
    central.lacks(&[&named, "written by a newer version", "20990101000000", "run that version"]).await;
    fixture.sql(OLDER).await.expect("restored");
    central.lacks_nothing().await;
    drop(central);
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlites() {
    let scene = Scene::new();
    assert!(scene.place.ask(&["admin", "website", "list"]).status.success());
    let path = scene.place.data().join("metadata.sqlite");
    let fixture = Fixture::at(&path);
    fixture.sql(NEWER).await.expect("noted");
    let mut central = scene.place.spawn();
    central.lacks(&[&path.display().to_string(), "written by a newer version", "run that version"]).await;
    fixture.sql(OLDER).await.expect("restored");
    central.lacks_nothing().await;
    drop(central);
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouses() {
    let scene = Scene::new();
    let mut central = scene.place.spawn();
    central.lacks_nothing().await;
    drop(central);
    let run = async |sql: &str| scene.events.query(sql).execute().await.expect("done");
    run("INSERT INTO schema_migrations SELECT '2099-01-01_flying', 'x', now()").await;
    let mut central = scene.place.spawn();
    central
        .lacks(&[
            "the event store at",
            &scene.store.url,
            "the schema of a newer central",
            "2099-01-01_flying",
            "start a central",
        ])
        .await;
    run("ALTER TABLE schema_migrations DELETE WHERE version LIKE '2099%' SETTINGS mutations_sync = 1").await;
    central.lacks_nothing().await;
    drop(central);
}
