//! Each service sees its own secrets and no other's: what `secrets.sh` makes, what is mounted, what is read, and who may read it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::compose::Service;
use super::{Deploy, Faults, folder};

/// Files that several services have, and why: who accepts a password, and who shows it.
const SHARED: &[(&str, &[&str], &str)] = &[
    ("ca.pem", &["central", "edge", "kafka", "redis"], "the authority's certificate, which is no secret"),
    ("clickhouse.password", &["central", "clickhouse"], "central logs in"),
    (
        "kafka.password",
        &["central", "kafka"],
        "central logs in; the broker is asked in the same way whether it lives",
    ),
    ("postgresql.password", &["central", "postgresql"], "central logs in"),
    ("redis.password", &["central", "redis"], "central logs in"),
    ("s3.password", &["central", "s3"], "central signs with it"),
];
/// A folder that several services mount, and why.
const SHARED_FOLDERS: &[(&str, &str)] =
    &[("clickhouse", "replicas of one cluster know each other by one password")];

/// What `secrets.sh` has made: folder, file, contents, owner.
struct Made {
    folders: BTreeMap<String, BTreeMap<String, File>>,
}

struct File {
    contents: Vec<u8>,
    owner: u32,
    mode: u32,
}

fn run(place: &Path) -> Output {
    let script = folder().join("compose/secrets.sh");
    Command::new(script).arg(place).output().expect("secrets.sh can be run")
}

impl Made {
    fn make(place: &Path) -> Self {
        let output = run(place);
        assert!(
            output.status.success(),
            "{} (does this machine have openssl?)",
            String::from_utf8_lossy(&output.stderr)
        );
        Self::read(place)
    }

    fn read(place: &Path) -> Self {
        let mut folders = BTreeMap::new();
        for service in paths(place) {
            let files = paths(&service).into_iter().filter(|path| name(path) != ".made").map(|path| {
                let metadata = path.metadata().unwrap();
                let mode = metadata.permissions().mode() & 0o7777;
                (name(&path), File { contents: std::fs::read(&path).unwrap(), owner: metadata.uid(), mode })
            });
            folders.insert(name(&service), files.collect());
        }
        Self { folders }
    }
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The folder of secrets that a service mounts.
fn mounted(service: &Service) -> impl Iterator<Item = (&str, &str, bool)> {
    service.volumes.iter().filter_map(|mount| {
        let folder = mount.source().strip_prefix("secrets-")?;
        Some((folder, mount.target(), mount.is_read_only()))
    })
}

/// Names below /secrets that a service's words and the files of ours that it is given speak of.
fn read_by(deploy: &Deploy, service: &Service) -> BTreeSet<String> {
    let expression = regex::Regex::new(r"/secrets/([A-Za-z0-9_-]+\.[a-z]+)").unwrap();
    let files = service.volumes.iter().filter_map(|mount| mount.own_file()).map(|path| deploy.text(path));
    let code = files.flat_map(str::lines).filter(|line| !line.trim_start().starts_with('#'));
    service
        .words()
        .chain(code)
        .flat_map(|text| expression.captures_iter(text))
        .map(|found| found[1].to_owned())
        .collect()
}

fn faults(deploy: &Deploy, made: &Made) -> Faults {
    let mut faults = Vec::new();
    let mut mounts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, service) in deploy.compose.services.iter().filter(|(name, _)| *name != "secrets") {
        let mut own = BTreeSet::new();
        for (folder, target, read_only) in mounted(service) {
            mounts.entry(folder).or_default().push(name);
            let Some(files) = made.folders.get(folder) else {
                faults.push(format!("{name}: secrets.sh makes nothing for {folder}"));
                continue;
            };
            own.extend(files.keys().cloned());
            if target != "/secrets" || !read_only {
                faults.push(format!("{name}: its secrets are not mounted at /secrets to be read only"));
            }
            if rustix::process::geteuid().is_root()
                && files.values().any(|file| Some(file.owner) != service.uid())
            {
                faults.push(format!("{name}: its secrets belong to another user than {}", service.user));
            }
        }
        let read = read_by(deploy, service);
        faults.extend(
            read.difference(&own).map(|file| format!("{name}: it reads {file}, which it is not given")),
        );
        faults.extend(
            own.difference(&read).map(|file| format!("{name}: it is given {file}, which it does not read")),
        );
    }
    faults.extend(
        mounts
            .iter()
            .filter(|(folder, names)| {
                names.len() > 1 && !SHARED_FOLDERS.iter().any(|(shared, _)| shared == *folder)
            })
            .map(|(folder, names)| format!("{} share the secrets of {folder}", names.join(" and "))),
    );
    faults.extend(handed_out(deploy, made));
    faults.extend(kept(made));
    faults
}

/// The service that makes them is given every folder under its name, and nothing that is made is given to nobody.
fn handed_out(deploy: &Deploy, made: &Made) -> Faults {
    let maker: BTreeSet<_> = mounted(&deploy.compose.services["secrets"])
        .map(|(folder, target, _)| (folder.to_owned(), target.to_owned()))
        .collect();
    let expected: BTreeSet<_> =
        made.folders.keys().map(|folder| (folder.clone(), format!("/secrets/{folder}"))).collect();
    let mut faults: Faults = maker
        .symmetric_difference(&expected)
        .map(|(folder, _)| format!("secrets: {folder} is made or mounted, and not both"))
        .collect();
    let services = || deploy.compose.services.iter().filter(|(name, _)| *name != "secrets");
    let unread = |folder: &&String| {
        !services().any(|(_, service)| mounted(service).any(|(mounted, ..)| mounted == **folder))
    };
    faults.extend(
        made.folders.keys().filter(unread).map(|folder| format!("nobody reads the secrets of {folder}")),
    );
    faults
}

/// Nobody but its reader may read a secret, and no two services have one unless it is listed.
fn kept(made: &Made) -> Faults {
    let mut faults = Vec::new();
    let mut holders: BTreeMap<&[u8], (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for (folder, files) in &made.folders {
        for (name, file) in files {
            if ![0o400, 0o600].contains(&file.mode) {
                faults.push(format!("{folder}/{name} has the mode {:o}", file.mode));
            }
            let (names, folders) = holders.entry(&file.contents).or_default();
            names.insert(name);
            folders.insert(folder);
        }
    }
    for (names, folders) in holders.values().filter(|(names, folders)| folders.len() > 1 || names.len() > 1) {
        let listed = SHARED
            .iter()
            .any(|(name, services, _)| names.iter().eq([name]) && folders.iter().eq(services.iter()));
        if !listed {
            faults.push(format!("{folders:?} have {names:?}, and no reason is given"));
        }
    }
    faults
}

#[test]
fn each_service_is_given_the_secrets_that_it_reads_and_no_others() {
    let place = tempfile::tempdir().unwrap();
    super::none(&faults(&Deploy::read(), &Made::make(place.path())));
}

#[test]
fn a_secret_too_many_or_too_few_is_found() {
    let place = tempfile::tempdir().unwrap();
    let (deploy, mut made) = (Deploy::read(), Made::make(place.path()));
    let compose = "compose.yaml";
    for (path, from, to, part) in [
        (compose, "- secrets-edge:/secrets:ro", "- secrets-central:/secrets:ro", "central and edge share"),
        (
            compose,
            "- secrets-edge:/secrets:ro",
            "- secrets-central:/secrets:ro",
            "edge: it is given central.key",
        ),
        (
            compose,
            "- secrets-edge:/secrets:ro",
            "- secrets-edge:/secrets",
            "edge: its secrets are not mounted",
        ),
        (compose, "\n      - secrets-s3:/secrets/s3", "", "secrets: s3 is made or mounted"),
        ("compose/edge.toml", "/secrets/edge-1.key", "/secrets/edge-2.key", "edge: it reads edge-2.key"),
        (
            "compose/redis.sh",
            "/secrets/redis.password",
            "/secrets/kafka.password",
            "redis: it reads kafka.password",
        ),
    ] {
        super::found(&faults(&deploy.with(path, from, to), &made), part);
    }
    if rustix::process::geteuid().is_root() {
        let broken = deploy.with(compose, "user: \"101:101\"", "user: \"102:102\"");
        super::found(&faults(&broken, &made), "belong to another user than 102");
    }
    let key = made.folders.get_mut("central").unwrap().remove("central.key").unwrap();
    made.folders.get_mut("edge").unwrap().insert("central.key".to_owned(), File { mode: 0o444, ..key });
    for part in [
        "central: it reads central.key",
        "edge: it is given central.key",
        "edge/central.key has the mode 444",
    ] {
        super::found(&faults(&deploy, &made), part);
    }
    let password = made.folders["kafka"]["kafka-broker.password"].contents.clone();
    made.folders.get_mut("s3").unwrap().get_mut("s3.password").unwrap().contents = password;
    super::found(&faults(&deploy, &made), "and no reason is given");
}

#[test]
fn a_second_run_changes_nothing_and_one_on_half_of_them_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let made = Made::make(place.path());
    let contents = |made: &Made| -> Vec<Vec<u8>> {
        made.folders.values().flat_map(|files| files.values().map(|file| file.contents.clone())).collect()
    };
    assert!(run(place.path()).status.success());
    assert_eq!(contents(&Made::read(place.path())), contents(&made));

    std::fs::remove_dir_all(place.path().join("redis")).unwrap();
    let refused = run(place.path());
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && sentence.contains("redis") && sentence.lines().count() == 1,
        "{sentence}"
    );
    assert!(!place.path().join("redis").exists(), "a refusal makes nothing");
}

#[test]
fn the_certificates_are_what_their_readers_ask_for() {
    let place = tempfile::tempdir().unwrap();
    Made::make(place.path());
    for (file, purpose, host) in [
        ("edge/edge-1.pem", "sslclient", None),
        ("central/central.pem", "sslserver", Some("central.footfall.internal")),
        ("kafka/kafka.pem", "sslserver", Some("kafka")),
        ("kafka/kafka.pem", "sslclient", None),
        ("postgresql/postgresql.pem", "sslserver", Some("postgresql")),
        ("redis/redis.pem", "sslserver", Some("redis")),
    ] {
        let mut verify = Command::new("openssl");
        verify
            .args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
            .arg(place.path().join("central/ca.pem"));
        verify
            .args(host.into_iter().flat_map(|host| ["-verify_hostname", host]))
            .arg(place.path().join(file));
        let output = verify.output().expect("openssl is here");
        assert!(output.status.success(), "{file} for {purpose}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let server_as_client = Command::new("openssl")
        .args(["verify", "-purpose", "sslclient", "-CAfile"])
        .arg(place.path().join("central/ca.pem"))
        .arg(place.path().join("central/central.pem"))
        .output()
        .expect("openssl is here");
    assert!(!server_as_client.status.success(), "central's certificate does not make an edge of who has it");
}
