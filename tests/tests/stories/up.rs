//! `cargo xtask up` as a person lives with it: what it leaves behind, what it keeps to itself, and how it ends.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use footfall_tests::cluster::{CATCH_UP, binaries, cluster};
use footfall_tests::listen;
use footfall_tests::run::{self, Server};
use footfall_tests::wait::until;

#[tokio::test]
async fn a_second_start_keeps_everything() {
    let mut cluster = cluster().start().await;
    cluster.send(20).await;
    cluster.each_stored_once().await;
    let password = std::fs::read(&cluster.run().clickhouse.password_file).expect("a password");
    cluster.start_again().await;
    assert_eq!(std::fs::read(&cluster.run().clickhouse.password_file).expect("a password"), password);
    cluster.send(5).await;
    cluster.each_stored_once().await;
    let sites = cluster.api("/api/v1/sites").await;
    let names: Vec<_> =
        sites["sites"].as_array().expect("a list").iter().map(|site| &site["tracking_id"]).collect();
    assert_eq!(names, [cluster.run().tracking_id.as_str()], "the demo website is there once");
    assert_eq!(cluster.clickhouse("SELECT uniqExact(website_id) FROM footfall.events").await, "1");
    cluster.finish().await;
}

#[tokio::test]
async fn a_second_up_on_the_same_folder_says_so_and_changes_nothing() {
    let cluster = cluster().start().await;
    let before = cluster.now();
    let begun = Instant::now();
    let output = Command::new(binaries().join("xtask"))
        .args(["up", "--no-build", "--free-ports", "--data"])
        .arg(cluster.folder())
        .output()
        .expect("xtask can be started");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        sentence.contains("another `cargo xtask up` is running") && sentence.lines().count() == 1,
        "{sentence}"
    );
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(cluster.now().pids, before.pids);
    cluster.send(1).await;
    cluster.finish().await;
}

#[tokio::test]
async fn when_up_itself_is_killed_nothing_stays_behind_and_the_next_start_works() {
    let mut cluster = cluster().start().await;
    cluster.send(20).await;
    let pids = cluster.now().pids;
    run::kill(pids.up, "xtask");
    for server in Server::ALL {
        let gone = || async { (!run::is_running(pids.of(server), server.program())).then_some(()) };
        until(&format!("{} ends by itself", server.program()), CATCH_UP, gone).await;
    }
    cluster.start_after_a_crash().await;
    cluster.send(5).await;
    cluster.each_stored_once().await;
    cluster.finish().await;
}

#[tokio::test]
async fn it_listens_on_this_machine_only_and_keeps_its_secrets() {
    let cluster = cluster().start().await;
    let pids = cluster.now().pids;
    for pid in [pids.edge, pids.central, pids.event_store, pids.up] {
        assert!(!listen::tcp(pid).is_empty(), "{pid} listens to nobody");
        // The relay as well. An edge's own UDP socket is a client's.
        let relay = if pid == pids.central { listen::udp(pid) } else { vec![] };
        assert_eq!(relay.is_empty(), pid != pids.central, "edges reach central over UDP");
        for address in listen::tcp(pid).into_iter().chain(relay) {
            assert!(address.ip().is_loopback(), "{pid} listens on {address}");
        }
    }
    let mode = |path: &Path| path.metadata().expect("it exists").permissions().mode() & 0o777;
    for secret in [
        "ca/central.key",
        "ca/edge-1.key",
        "central/clickhouse.password",
        "central/central.toml",
        "edge/edge.toml",
    ] {
        assert_eq!(mode(&cluster.folder().join(secret)), 0o600, "{secret}");
    }
    for folder in ["central", "edge", "ca"] {
        assert_eq!(mode(&cluster.folder().join(folder)), 0o700, "{folder}");
    }
    let password = std::fs::read_to_string(&cluster.run().clickhouse.password_file).expect("a password");
    assert!(password.trim().len() >= 20, "a password that nobody guesses");
    assert!(!cluster.log_lines("").is_empty(), "the logs are read");
    assert!(cluster.log_lines(password.trim()).is_empty(), "the password stands in a log");
    cluster.finish().await;
}
