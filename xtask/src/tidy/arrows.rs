//! Which package may use which, and which one alone depends on the client of an outside system (invariant 7). Cargo holds the
//! arrows that the manifests draw; this holds the manifests to the design. What only tests use is not looked at.

use super::Fault;
use crate::workspace::Package;

/// A package and those of the workspace that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("footfall-beacon", &["footfall-proto"]),
    ("footfall-blobs", &["footfall-daemon"]),
    ("footfall-clickhouse", &["footfall-daemon"]),
    ("footfall-daemon", &[]),
    (
        "footfall-derive",
        &["footfall-clickhouse", "footfall-daemon", "footfall-log", "footfall-metadata", "footfall-tables"],
    ),
    ("footfall-druid", &["footfall-daemon"]),
    ("footfall-edge", &["footfall-daemon", "footfall-http-server", "footfall-journal", "footfall-proto"]),
    ("footfall-event-store", &["footfall-daemon", "footfall-http-server"]),
    ("footfall-harness", &["footfall-daemon", "footfall-proto"]),
    ("footfall-http-server", &["footfall-daemon"]),
    ("footfall-jobs", &["footfall-daemon", "footfall-live", "footfall-metadata"]),
    ("footfall-journal", &[]),
    ("footfall-live", &["footfall-daemon"]),
    ("footfall-log", &["footfall-daemon", "footfall-journal", "footfall-proto"]),
    ("footfall-metadata", &["footfall-daemon", "footfall-proto"]),
    ("footfall-proto", &[]),
    ("footfall-query", &["footfall-clickhouse", "footfall-daemon", "footfall-live", "footfall-tables"]),
    (
        "footfall-sink",
        &[
            "footfall-blobs",
            "footfall-clickhouse",
            "footfall-daemon",
            "footfall-druid",
            "footfall-live",
            "footfall-log",
            "footfall-proto",
            "footfall-tables",
        ],
    ),
    ("footfall-tables", &["footfall-clickhouse", "footfall-proto"]),
    // The one composition root: it puts the parts together, and no part may use it.
    (
        "footfall-central",
        &[
            "footfall-blobs",
            "footfall-clickhouse",
            "footfall-daemon",
            "footfall-derive",
            "footfall-druid",
            "footfall-http-server",
            "footfall-jobs",
            "footfall-live",
            "footfall-log",
            "footfall-metadata",
            "footfall-proto",
            "footfall-query",
            "footfall-sink",
            "footfall-tables",
        ],
    ),
    // They look at the product from outside; benches measure parts of central alone as well.
    (
        "footfall-benches",
        &[
            "footfall-clickhouse",
            "footfall-daemon",
            "footfall-harness",
            "footfall-log",
            "footfall-proto",
            "footfall-sink",
            "footfall-tables",
        ],
    ),
    ("footfall-tests", &["footfall-daemon", "footfall-harness", "footfall-proto"]),
    ("xtask", &["footfall-daemon", "xtask-launch"]),
    ("xtask-launch", &[]),
];

/// The client of an outside system, and the packages of the product that depend on it.
const CLIENTS: &[(&str, &[&str])] = &[
    ("axum", &["footfall-central"]),
    ("clickhouse", &["footfall-clickhouse"]),
    ("fred", &["footfall-live"]),
    ("libloading", &["footfall-event-store"]),
    ("maxminddb", &["footfall-edge"]),
    ("object_store", &["footfall-blobs"]),
    ("quinn", &["footfall-central", "footfall-edge"]),
    ("rdkafka", &["footfall-log"]),
    ("sqlx", &["footfall-metadata"]),
    ("web-sys", &["footfall-beacon"]),
];

/// Pure as a whole (invariant 6): without tokio, and with a clippy.toml of their own that forbids clocks and I/O.
const PURE: [&str; 1] = ["footfall-proto"];

/// They look at the product from outside and speak to its systems themselves.
const OUTSIDE: [&str; 4] = ["footfall-benches", "footfall-harness", "footfall-tests", "xtask"];

pub(super) fn check(packages: &[Package]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for package in packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            faults.push(Fault::new(
                &package.name,
                0,
                "this package is not on the map in xtask/src/tidy/arrows.rs",
            ));
            continue;
        };
        let own = package.uses.iter().filter(|used| packages.iter().any(|package| package.name == **used));
        faults.extend(
            own.filter(|used| !allowed.contains(&used.as_str()))
                .map(|used| Fault::new(&package.name, 0, format!("must not use {used}"))),
        );
    }
    for package in packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        if package.uses.iter().any(|used| used == "tokio") {
            faults.push(Fault::new(&package.name, 0, "is pure, so it must not use tokio"));
        }
        if !package.folder.join("clippy.toml").is_file() {
            faults.push(Fault::new(
                &package.name,
                0,
                "is pure, so it needs a clippy.toml that forbids clocks and I/O",
            ));
        }
    }
    for (client, expected) in CLIENTS {
        let mut found: Vec<&str> = packages
            .iter()
            .filter(|package| {
                !OUTSIDE.contains(&package.name.as_str()) && package.uses.iter().any(|used| used == client)
            })
            .map(|package| package.name.as_str())
            .collect();
        found.sort_unstable();
        if found != *expected {
            faults.push(Fault::new(
                client,
                0,
                format!("is for {} alone, and {} depend on it", expected.join(" and "), found.join(", ")),
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Needs;

    /// The workspace as the map wants it, with one more use.
    fn faults_with(package: &str, extra: &str) -> Vec<String> {
        let proto = crate::place::root().join("proto");
        let packages: Vec<Package> = ARROWS
            .iter()
            .map(|(name, allowed)| {
                let clients = CLIENTS.iter().filter(|(_, knowing)| knowing.contains(name));
                let mut uses: Vec<String> = allowed.iter().map(|used| (*used).to_owned()).collect();
                uses.extend(clients.map(|(client, _)| (*client).to_owned()));
                if *name == package {
                    uses.push(extra.to_owned());
                }
                Package {
                    name: (*name).to_owned(),
                    uses,
                    folder: proto.clone(),
                    tests: vec![],
                    needs: Needs::default(),
                }
            })
            .collect();
        check(&packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_arrows_of_the_design_pass() {
        assert!(faults_with("footfall-log", "footfall-journal").is_empty());
        assert!(faults_with("footfall-tests", "rdkafka").is_empty());
        assert!(faults_with("footfall-log", "serde").is_empty());
    }

    #[test]
    fn an_arrow_that_the_design_does_not_draw_is_found() {
        assert_eq!(
            faults_with("footfall-log", "footfall-sink"),
            ["footfall-log: must not use footfall-sink"]
        );
        assert_eq!(
            faults_with("footfall-edge", "footfall-central"),
            ["footfall-edge: must not use footfall-central"]
        );
    }

    #[test]
    fn a_client_in_a_second_package_is_found() {
        assert_eq!(
            faults_with("footfall-sink", "rdkafka"),
            ["rdkafka: is for footfall-log alone, and footfall-log, footfall-sink depend on it"]
        );
    }

    #[test]
    fn a_pure_package_that_could_wait_is_found() {
        assert_eq!(
            faults_with("footfall-proto", "tokio"),
            ["footfall-proto: is pure, so it must not use tokio"]
        );
    }

    #[test]
    fn a_package_that_nobody_drew_is_found() {
        let stranger = Package {
            name: "cellar".to_owned(),
            uses: vec![],
            folder: "x".into(),
            tests: vec![],
            needs: Needs::default(),
        };
        assert!(check(&[stranger]).iter().any(|fault| fault.path == "cellar"));
    }
}
