//! What cannot be written: a database that is read-only, a file that is, and an S3 server without room.

use std::fmt::Write as _;
use std::process::Command;

use bytes::Bytes;
use footfall_log::Log;

use crate::metadata::fixture::{Fixture, command};
use crate::readiness::settings::{self, Scene};
use crate::support::central::Place;
use crate::support::{record_of, s3, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_read_only() {
    let mut scene = Scene::new();
    let fixture = Fixture::postgresql().await;
    let (server, database) = (fixture.server(), &fixture.server().database);
    let all = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    scene.place.set("metadata", settings::metadata(server));
    let read_only = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    let writable = format!("ALTER DATABASE {database} RESET default_transaction_read_only");
    let named = format!("PostgreSQL {}:{}/{database}", server.host, server.port);

    // From the beginning: there is no schema, and none can be made.
    command(&read_only).await;
    let mut central = scene.place.spawn();
    central.lacks(&[&named, "is read-only", "make it writable"]).await;
    command(&writable).await;
    central.lacks_nothing().await;

    // And under way.
    command(&read_only).await;
    command(&all).await;
    central.lacks(&[&named, "is read-only", "make it writable"]).await;
    command(&writable).await;
    command(&all).await;
    central.lacks_nothing().await;
    drop(central);
    fixture.end().await;
}

/// Says something in the file systems of a process.
fn among(pid: u32, script: &str) {
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--mount", "--", "sh", "-c", script]);
    assert!(command.status().expect("nsenter runs").success(), "{script}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_read_only() {
    let scene = Scene::new();
    assert!(scene.place.ask(&["admin", "website", "list"]).status.success());
    let path = scene.place.data().join("metadata.sqlite");
    let path = path.display().to_string();
    let mut unshare = Command::new("unshare");
    let script =
        format!("mount --bind {path} {path} && mount -o remount,bind,ro {path} && exec \"$0\" \"$@\"");
    let program = scene.place.command(&[]);
    unshare.args(["--mount", "sh", "-c", &script]).arg(program.get_program()).args(program.get_args());
    let mut central = scene.place.begin(&mut unshare);
    central.lacks(&[&path, "Read-only file system", "let the user that central runs as write"]).await;
    among(central.child.id(), &format!("umount {path}"));
    central.lacks_nothing().await;
    drop(central);
}

/// Puts records into the log of a central that does not run.
async fn fill(place: &Place, records: u64, bytes: usize) {
    let options = footfall_log::embedded::Options {
        dir: place.data(),
        max_bytes: 1 << 30,
        segment_bytes: 64 << 20,
        lock_wait: std::time::Duration::from_secs(5),
    };
    std::fs::create_dir_all(place.data()).expect("made");
    let log = Log::embedded(options, footfall_log::Metrics::default()).await.expect("the log opens");
    for number in 0..records {
        // A name of noise: nothing that could be packed.
        let mut noise = vec![0; bytes / 2];
        getrandom::fill(&mut noise).expect("randomness");
        let website = noise.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes everything");
            text
        });
        let record = record_of(&website, number, 1, crate::support::NOON_MS);
        send(&log, "edge-1", Bytes::from_static(&[1; 16]), number, vec![record]).await.expect("appended");
    }
    tokio::task::spawn_blocking(move || log.close()).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_without_room() {
    let mut scene = Scene::new();
    let dir = tempfile::tempdir().expect("temp dir");
    let server = s3::Server::start(dir.path(), Some("24m")).await;
    scene.place.set("blobs", settings::blobs(&server.s3()));
    fill(&scene.place, 64, 1 << 20).await;
    let mut central = scene.place.spawn();
    central.lacks(&["raw_log", &server.s3().endpoint, "failed inside", "the room on its disks"]).await;
    server.gets_room("512m");
    central.lacks_nothing().await;
    drop(central);
}
