//! `cargo xtask services` as a person and the other stories live with it: what it keeps, what it keeps to itself, and how
//! a server that was killed comes back.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use footfall_tests::listen;
use footfall_tests::services::Own;
use footfall_tests::tiers::console::{druid, redis};

const ALL: [&str; 6] = ["kafka", "postgresql", "redis", "s3", "clickhouse", "druid"];

#[test]
fn a_killed_server_comes_back_where_it_was_with_what_it_had() {
    let services = Own::start(&ALL);
    let before = services.now();
    let at = before.redis.clone().expect("redis was started");
    assert_eq!(redis(&at, &["SET", "story", "kept"]), "OK");
    for name in ALL {
        services.kill(name);
        services.bring_back(name);
    }
    let after = services.now();
    for name in ALL {
        let (old, new) = (before.pids(name), after.pids(name));
        assert!(
            old.len() == new.len() && old.iter().all(|pid| !new.contains(pid)),
            "{name}: {old:?} {new:?}"
        );
    }
    let back = after.redis.expect("redis is back");
    assert_eq!(back.port, at.port);
    assert_eq!(redis(&back, &["GET", "story"]), "kept");
    assert_eq!(after.kafka.expect("kafka is back").bootstrap, before.kafka.expect("it was there").bootstrap);
    // A second `up` finds them all and starts none.
    let pids: Vec<u32> = ALL.iter().flat_map(|name| services.now().pids(name)).collect();
    services.run("up", &[], &["--no-build"]);
    assert_eq!(ALL.iter().flat_map(|name| services.now().pids(name)).collect::<Vec<_>>(), pids);
    services.run("status", &[], &[]);
    let back = after.druid.expect("druid is back");
    let distinct = "SELECT APPROX_COUNT_DISTINCT_DS_HLL(x) AS users FROM (VALUES (1), (2), (2)) AS t(x)";
    assert_eq!(druid(&back, distinct), r#"[{"users":2}]"#, "with its sketches");

    let mut addresses = vec![];
    for pid in pids {
        let listening = listen::tcp(pid);
        assert!(!listening.is_empty(), "{pid} listens to nobody");
        addresses.extend(listening);
    }
    for address in &addresses {
        assert!(address.ip().is_loopback(), "a server listens on {address}");
    }
    secrets_are_kept(services.folder());
    services.finish();
    for address in addresses {
        TcpListener::bind(address).unwrap_or_else(|error| panic!("{address} is still taken: {error}"));
    }
}

#[test]
fn a_wrong_name_is_one_sentence() {
    let output = Command::new(footfall_tests::cluster::binaries().join("xtask"))
        .args(["services", "up", "mysql"])
        .output()
        .expect("xtask can be started");
    assert!(!output.status.success());
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        sentence,
        "xtask: there is no service mysql: there are kafka, postgresql, redis, s3, clickhouse and druid\n"
    );
}

/// No password stands in a log, on a command line or in a file that others may read.
fn secrets_are_kept(folder: &Path) {
    let secrets = std::fs::read_dir(folder.join("secrets")).expect("secrets").flatten();
    for entry in secrets {
        let path = entry.path();
        assert_eq!(
            path.metadata().expect("it exists").permissions().mode() & 0o777,
            0o600,
            "{}",
            path.display()
        );
        if path.extension().is_none_or(|end| end != "password") {
            continue;
        }
        let password = std::fs::read_to_string(&path).expect("a password");
        let mut places: Vec<_> = std::fs::read_dir(folder.join("logs"))
            .expect("logs")
            .flatten()
            .map(|entry| entry.path())
            .collect();
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        places.extend(processes.map(|entry| entry.path().join("cmdline")).filter(|path| path.exists()));
        for place in places {
            let text = std::fs::read(&place).unwrap_or_default();
            let told = String::from_utf8_lossy(&text).contains(password.trim());
            assert!(!told, "{} tells the password of {}", place.display(), path.display());
        }
    }
}
