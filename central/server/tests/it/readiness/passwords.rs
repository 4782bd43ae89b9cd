//! Wrong passwords: every one of them is read again, so that whoever corrects it need not start central again.

use footfall_blobs::S3;
use footfall_log::kafka;

use crate::log::fixture;
use crate::metadata::fixture::Fixture;
use crate::readiness::settings::{self, PASSWORD, Scene};
use crate::support::{s3, services};

/// Writes what stands in one file into another.
fn correct(wrong: &std::path::Path, right: &std::path::Path) {
    std::fs::copy(right, wrong).expect("copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn kafkas() {
    let mut scene = Scene::new();
    let right = kafka::Options { partitions: 2, ..fixture::options() };
    let (user, password_file) = right.user.clone().expect("there is one");
    let wrong = scene.place.file("kafka.password", "guessed\n");
    let options = kafka::Options { user: Some((user, wrong.clone())), ..right };
    scene.place.set("log", settings::log(&options));
    let mut central = scene.place.spawn();
    central.lacks(&["Kafka at", &options.bootstrap, "refuses the user", "password_file"]).await;
    correct(&wrong, &password_file);
    central.lacks_nothing().await;
    drop(central);
    fixture::LogFixture::Kafka(options).clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresqls() {
    let mut scene = Scene::new();
    let fixture = Fixture::postgresql().await;
    let mut server = fixture.server().clone();
    let wrong = scene.place.file("postgresql.password", "guessed\n");
    let right = std::mem::replace(&mut server.password_file, wrong.clone());
    scene.place.set("metadata", settings::metadata(&server));
    let mut central = scene.place.spawn();
    let named = format!("PostgreSQL {}:{}", server.host, server.port);
    central.lacks(&[&named, "password authentication failed", &wrong.display().to_string()]).await;
    correct(&wrong, &right);
    central.lacks_nothing().await;
    drop(central);
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rediss() {
    let mut scene = Scene::new();
    let redis = services::redis();
    let wrong = scene.place.file("redis.password", "guessed\n");
    let prefix = format!("ready-{:016x}:", getrandom::u64().expect("randomness"));
    scene.place.set("live", settings::live(&wrong, &prefix));
    let mut central = scene.place.spawn();
    let named = format!("Redis at {}:{}", redis.host, redis.port);
    central.lacks(&[&named, "refuses the user footfall", "live.redis.password_file"]).await;
    correct(&wrong, &redis.password_file);
    central.lacks_nothing().await;
    drop(central);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3s() {
    let mut scene = Scene::new();
    let right = s3::shared();
    let wrong = S3 { secret_key_file: scene.place.file("s3.secret", "guessed\n"), ..right.clone() };
    scene.place.set("blobs", settings::blobs(&wrong));
    let mut central = scene.place.spawn();
    central.lacks(&["raw_log", &right.endpoint, &right.bucket, "secret_key_file"]).await;
    correct(&wrong.secret_key_file, &right.secret_key_file);
    central.lacks_nothing().await;
    drop(central);
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouses() {
    let mut scene = Scene::new();
    let wrong = scene.place.file("store.password", "guessed\n");
    scene.event_store(&wrong);
    let mut central = scene.place.spawn();
    central.lacks(&["the event store at", &scene.store.url, "event_store.password_file"]).await;
    std::fs::write(&wrong, PASSWORD).expect("written");
    central.lacks_nothing().await;
    drop(central);
}
