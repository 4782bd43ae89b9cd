//! The blob store, the same for a folder and for a real S3 server, and what each says when it cannot.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::s3::{Server, shared};
use crate::support::{eventually, free_port};
use bytes::Bytes;
use footfall_blobs::{BlobError, Blobs, Cause, Created, Location, PART_BYTES, S3};
use footfall_daemon::fault::{Classify as _, Fault};

/// Bytes that nothing can pack.
fn noise(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes.into()
}

/// What every blob store does, whatever it is.
async fn conforms(place: Location) {
    let blobs = Blobs::open(&place).expect("opened");
    assert!(blobs.list("raw").await.expect("listed").is_empty());
    assert!(blobs.folders("raw").await.expect("listed").is_empty());

    // A blob is written once; whoever comes later finds it and changes nothing.
    let first = Bytes::from_static(b"first");
    assert_eq!(blobs.create("raw/a/1.zst", first.clone()).await.expect("created"), Created::New);
    assert_eq!(
        blobs.create("raw/a/1.zst", Bytes::from_static(b"later")).await.expect("there"),
        Created::Already
    );
    assert_eq!(blobs.read("raw/a/1.zst").await.expect("read"), first);
    let missing = blobs.read("raw/a/2.zst").await.expect_err("there is none");
    assert!(matches!(missing.cause, Cause::Missing(_)), "{missing}");
    assert_eq!(missing.fault(), Fault::Permanent);

    // Two at the same time: one of them makes it.
    let both =
        tokio::join!(blobs.create("raw/b/1.zst", first.clone()), blobs.create("raw/b/1.zst", first.clone()));
    let made = [both.0.expect("created"), both.1.expect("created")];
    assert!(made.contains(&Created::New), "{made:?}");

    // Large ones travel in parts, and are there as a whole or not at all.
    for (name, length) in
        [("raw/c/1.zst", PART_BYTES), ("raw/c/2.zst", PART_BYTES + 1), ("raw/c/3.zst", 3 * PART_BYTES - 5)]
    {
        let large = noise(length as u64, length);
        assert_eq!(blobs.create(name, large.clone()).await.expect("created"), Created::New);
        assert_eq!(blobs.create(name, large.clone()).await.expect("there"), Created::Already);
        assert_eq!(blobs.read(name).await.expect("read"), large);
    }

    assert_eq!(blobs.folders("raw").await.expect("listed"), ["a", "b", "c"]);
    let listed = blobs.list("raw/c").await.expect("listed");
    let expected =
        [("raw/c/1.zst", PART_BYTES), ("raw/c/2.zst", PART_BYTES + 1), ("raw/c/3.zst", 3 * PART_BYTES - 5)];
    assert_eq!(
        listed.iter().map(|blob| (blob.name.as_str(), blob.bytes as usize)).collect::<Vec<_>>(),
        expected
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_a_blob_store() {
    let dir = tempfile::tempdir().expect("temp dir");
    conforms(Location::Folder(dir.path().join("new/blobs"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_is_a_blob_store() {
    conforms(Location::S3(shared())).await;
}

/// More names than one answer of S3 holds.
async fn lists_many(place: Location) {
    let blobs = Blobs::open(&place).expect("opened");
    let names: Vec<_> = (0..1_050).map(|number| format!("many/{number:04}.zst")).collect();
    let creating = names.iter().map(|name| blobs.create(name, Bytes::from_static(b"x")));
    let creating = futures_util::stream::iter(creating);
    let made: Vec<_> =
        futures_util::StreamExt::collect(futures_util::StreamExt::buffer_unordered(creating, 16)).await;
    assert!(made.into_iter().all(|created| created.is_ok_and(|created| created == Created::New)));
    let listed: Vec<_> =
        blobs.list("many").await.expect("listed").into_iter().map(|blob| blob.name).collect();
    assert_eq!(listed, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_whole_however_many_blobs_there_are() {
    let dir = tempfile::tempdir().expect("temp dir");
    lists_many(Location::Folder(dir.path().to_owned())).await;
    lists_many(Location::S3(shared())).await;
}

/// What it says when it is asked for a list, and when something is to be written.
async fn refusals(s3: S3) -> Vec<BlobError> {
    let blobs = Blobs::open(&Location::S3(s3)).expect("opened");
    let begun = Instant::now();
    let mut refused = vec![blobs.list("raw").await.expect_err("refused")];
    // Some servers make a bucket for who may, instead of saying that there is none.
    if !matches!(refused[0].cause, Cause::NoBucket) {
        refused.push(blobs.create("raw/x.zst", Bytes::from_static(b"x")).await.expect_err("refused"));
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "it says so in good time");
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_refuses_is_named_with_what_is_wrong() {
    let dir = tempfile::tempdir().expect("temp dir");
    let wrong = dir.path().join("wrong");
    crate::support::private(&wrong, "not-the-secret");
    let s3 = shared();
    for (what, s3) in [
        ("refuses our credentials", S3 { secret_key_file: wrong, ..s3.clone() }),
        ("refuses our credentials", S3 { access_key: "stranger".into(), ..s3.clone() }),
        ("make the bucket", S3 { bucket: format!("no-{}", s3.prefix), ..s3.clone() }),
        ("cannot be reached", S3 { endpoint: format!("http://{}", free_port()), ..s3.clone() }),
    ] {
        let (endpoint, bucket) = (s3.endpoint.clone(), s3.bucket.clone());
        for refused in refusals(s3).await {
            let sentence = refused.to_string();
            assert!(sentence.starts_with(&format!("S3 at {endpoint}, bucket {bucket} ")), "{sentence}");
            assert!(sentence.contains(what), "{what}: {sentence}");
            assert!(!sentence.contains('\n') && !sentence.contains("<Code>"), "{sentence}");
            assert_eq!(refused.fault(), Fault::Transient, "somebody can put that right while we wait");
        }
    }
}

/// Runs another test of this program where a small file system lies on the folder that it is told.
fn on_a_small_disk(test: &str, dir: &Path) {
    let program = std::env::current_exe().expect("this program");
    let script = format!(
        "mount -t tmpfs -o size=2m tmpfs '{}' && exec \"$0\" --ignored --exact {test}",
        dir.display()
    );
    let mut command = Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output =
        command.args(["--mount", "sh", "-c", &script]).arg(program).env("FOOTFALL_SMALL_DISK", dir).output();
    let output = output.expect("unshare runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("temp dir");
    on_a_small_disk("blobs::on_a_disk_of_two_mebibytes", dir.path());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, on a disk of its own"]
async fn on_a_disk_of_two_mebibytes() {
    let dir = std::env::var("FOOTFALL_SMALL_DISK").expect("run by another test");
    let blobs = Blobs::open(&Location::Folder(dir.into())).expect("opened");
    let small = noise(1, 1 << 20);
    blobs.create("raw/small.zst", small.clone()).await.expect("there is room");
    for (name, length) in [("raw/more.zst", 3 << 20), ("raw/many.zst", 2 * PART_BYTES)] {
        let full = blobs.create(name, noise(2, length)).await.expect_err("there is no room");
        assert!(matches!(full.cause, Cause::Full(_)), "{full}");
        assert_eq!(full.fault(), Fault::Transient);
    }
    assert_eq!(blobs.list("raw").await.expect("listed").len(), 1, "what did not fit is not there");
    assert_eq!(blobs.read("raw/small.zst").await.expect("read"), small);
    // Nor does what did not fit take the room away, once the piece of it that was still being written has ended.
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(full) = blobs.create("raw/again.zst", noise(3, 900 << 10)).await {
        assert!(matches!(full.cause, Cause::Full(_)) && Instant::now() < deadline, "{full}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_whose_disk_is_full_refuses_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().expect("temp dir");
    let server = Server::start(dir.path(), Some("48m")).await;
    let blobs = Blobs::open(&server.place()).expect("opened");
    let mut there = 0;
    let refused = loop {
        let name = format!("raw/{there:03}.zst");
        match blobs.create(&name, noise(there, 4 << 20)).await {
            Ok(_) => there += 1,
            Err(refused) => break refused,
        }
        assert!(there < 100, "the bound holds");
    };
    assert_eq!(refused.fault(), Fault::Transient, "{refused}");
    assert!(refused.to_string().starts_with("S3 at http://127.0.0.1"), "{refused}");
    assert!(there > 0, "{refused}");
    for number in 0..there {
        let read = blobs.read(&format!("raw/{number:03}.zst")).await.expect("read");
        assert!(read == noise(number, 4 << 20), "object {number} is whole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_killed_while_it_is_written_to_holds_each_blob_whole_or_not_at_all() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut server = Server::start(dir.path(), None).await;
    let blobs = Blobs::open(&server.place()).expect("opened");
    for round in 0_u64..4 {
        let lengths = [1 << 20, 3 * PART_BYTES];
        let contents = lengths.map(|length| noise(round, length));
        let names = lengths.map(|length| format!("raw/{round}/{length}.zst"));
        let writing: Vec<_> = names
            .iter()
            .cloned()
            .zip(contents.clone())
            .map(|(name, bytes)| {
                let blobs = blobs.clone();
                tokio::spawn(async move { blobs.create(&name, bytes).await.is_ok() })
            })
            .collect();
        // Different moments: before, between and after the parts.
        tokio::time::sleep(Duration::from_millis(round * 35)).await;
        server.kill();
        let mut acknowledged = Vec::new();
        for writing in writing {
            acknowledged.push(writing.await.expect("no panic"));
        }
        server.run().await;
        let folder = format!("raw/{round}");
        for ((name, bytes), acknowledged) in names.iter().zip(&contents).zip(acknowledged) {
            eventually("an answer", async || blobs.list(&folder).await.is_ok()).await;
            let listed = blobs.list(&folder).await.expect("listed").iter().any(|blob| blob.name == *name);
            assert!(listed || !acknowledged, "{name} was acknowledged and is gone");
            eventually("the blob", async || blobs.create(name, bytes.clone()).await.is_ok()).await;
            // Just started, the server may know names whose content it does not find yet.
            eventually("its content", async || blobs.read(name).await.is_ok()).await;
            assert!(blobs.read(name).await.expect("read") == *bytes, "{name} is whole");
        }
    }
}
