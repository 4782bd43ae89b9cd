//! The program: what `--check` and a start find wrong with a configuration, and that `--check` leaves everything as it is.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use footfall_harness::authority::{Authority, CENTRAL, Identity, Request, Usage};
use footfall_harness::process::Process;
use serde_json::Value;

use crate::support::folder;

/// A folder with all that an edge needs.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    authority: Authority,
    edge: Identity,
}

/// What a configuration says otherwise: keys as variables, and part of the sentence.
type Mistake = (&'static str, String, &'static str);

impl Place {
    pub(crate) fn new() -> Self {
        let dir = folder();
        let authority = Authority::new(&dir.path().join("certificates"));
        let edge = authority.issue("edge-1", Usage::Client);
        let place = Self { dir, authority, edge };
        let text = format!(
            "data = '{}'\n[http]\nlisten = '127.0.0.1:0'\n[health]\nlisten = '127.0.0.1:0'\n[central]\naddress = '127.0.0.1:9'\nserver_name = '{CENTRAL}'\n\
             certificate = '{}'\nkey = '{}'\nca = '{}'\n",
            place.data().display(),
            place.edge.certificate.display(),
            place.edge.key.display(),
            place.authority.ca().display(),
        );
        std::fs::write(place.file("edge.toml"), text).expect("written");
        place
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.file("data")
    }

    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edge-collector"));
        command.arg("--config").arg(self.file("edge.toml")).args(arguments);
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command(arguments, variables).output().expect("it runs")
    }

    /// Another certificate, and its key.
    fn signed(
        &self,
        name: &str,
        common_name: Option<&str>,
        usage: Usage,
        years: std::ops::Range<i32>,
    ) -> Identity {
        self.authority.sign(&Request { name, common_name, usage, years })
    }

    /// Everything below the folder, with sizes.
    fn contents(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("readable") {
                let entry = entry.expect("readable");
                let kind = entry.metadata().expect("readable");
                if kind.is_dir() {
                    folders.push(entry.path());
                }
                found.push((entry.path(), if kind.is_dir() { 0 } else { kind.len() }));
            }
        }
        found.sort();
        found
    }

    /// Both ways of starting refuse it in one sentence that has this part, with 64, and nothing is left behind.
    fn refuses(&self, variables: &[(&'static str, String)], part: &str) {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let before = self.contents();
        for arguments in [&["--check"][..], &[]] {
            let refused = self.run(arguments, &variables);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(64), "{arguments:?} {variables:?}: {said}");
            assert_eq!(said.trim_end().lines().count(), 1, "{said}");
            assert!(said.starts_with("edge-collector: ") && said.contains(part), "{part}: {said}");
            assert!(refused.stdout.is_empty());
        }
        assert_eq!(self.contents(), before, "something was left behind");
    }
}

/// A certificate and its key as variables.
fn shown(identity: &Identity) -> Vec<(&'static str, String)> {
    vec![
        ("FOOTFALL_CENTRAL_CERTIFICATE", text(&identity.certificate)),
        ("FOOTFALL_CENTRAL_KEY", text(&identity.key)),
    ]
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_sound_configuration_passes_and_nothing_is_made() {
    let place = Place::new();
    let before = place.contents();
    let checked = place.run(&["--check"], &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(place.contents(), before);
}

#[test]
fn what_a_configuration_says_wrongly_is_found_by_the_check_and_by_the_start() {
    let place = Place::new();
    std::fs::write(place.file("rubbish"), "rubbish").expect("written");
    std::fs::create_dir(place.file("assets")).expect("made");
    std::fs::write(place.file("assets/footfall.js"), "shim").expect("written");
    let mistakes: [Mistake; 8] = [
        ("FOOTFALL_DATA", text(&place.file("rubbish/data")), "`data` needs"),
        ("FOOTFALL_CENTRAL_CERTIFICATE", text(&place.file("rubbish")), "`central.certificate`"),
        ("FOOTFALL_CENTRAL_KEY", text(&place.file("rubbish")), "holds no private key"),
        ("FOOTFALL_CENTRAL_CA", text(&place.file("rubbish")), "`central.ca`"),
        ("FOOTFALL_CENTRAL_SERVER_NAME", "two words".to_owned(), "`central.server_name`"),
        ("FOOTFALL_HTTP_LISTEM", "127.0.0.1:0".to_owned(), "FOOTFALL_HTTP_LISTEM"),
        ("FOOTFALL_GEO_DATABASES", text(&place.file("rubbish")), "rubbish"),
        ("FOOTFALL_BEACON_ASSETS", text(&place.file("assets")), "footfall.wasm"),
    ];
    for (variable, value, part) in mistakes {
        place.refuses(&[(variable, value)], part);
    }
}

#[test]
fn a_certificate_that_central_would_refuse_is_found_before_central_does() {
    let place = Place::new();
    let other = place.signed("other", Some("edge-2"), Usage::Client, 1975..4096);
    place.refuses(&[("FOOTFALL_CENTRAL_KEY", text(&other.key))], "`central.key`");
    for (name, common_name, usage, years, part) in [
        ("expired", Some("edge-1"), Usage::Client, 1990..1991, "has expired on 1991-01-01"),
        ("early", Some("edge-1"), Usage::Client, 4000..4096, "is not valid before 4000-01-01"),
        ("server", Some("edge-1"), Usage::Server, 1975..4096, "clientAuth"),
        ("nameless", None, Usage::Client, 1975..4096, "has no common name"),
        ("unfit", Some("edge 1"), Usage::Client, 1975..4096, "common name that cannot be an id"),
    ] {
        place.refuses(&shown(&place.signed(name, common_name, usage, years)), part);
    }
    let elsewhere = Authority::new(&place.file("elsewhere"));
    let stranger = elsewhere.issue("edge-1", Usage::Client);
    place.refuses(&shown(&stranger), "does not come from the authority that `central.ca` names");
    let mut named = shown(&stranger);
    named.push(("FOOTFALL_CENTRAL_CERTIFICATE_CA", text(&elsewhere.ca())));
    let named: Vec<_> = named.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(place.run(&["--check"], &named).status.success(), "its own authority was named");
}

#[test]
fn a_port_that_another_program_holds_is_a_mistake_and_that_of_a_running_edge_is_none() {
    let place = Place::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = held.local_addr().expect("bound").to_string();
    let refused = place.run(&["--check"], &[("FOOTFALL_HTTP_LISTEN", &listen)]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(64), "{said}");
    assert!(said.contains("`http.listen`") && said.contains(&listen) && said.contains("end it"), "{said}");
    assert!(!place.data().exists());

    // A start waits for the port before it gives up.
    let started = place.run(&["--log", "json"], &[("FOOTFALL_HTTP_LISTEN", &listen)]);
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert_eq!(started.status.code(), Some(64), "{said}");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let message = |line: &Value| line["fields"]["message"].as_str().expect("text").to_owned();
    let waits = lines.iter().filter(|line| message(line).contains("waiting for another process")).count();
    assert_eq!(waits, 1, "{said}");
    assert!(message(lines.last().expect("its last word")).contains("`http.listen`"), "{said}");

    let elsewhere = place.run(&["--check"], &[("FOOTFALL_HTTP_LISTEN", "192.0.2.1:80")]);
    let said = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(elsewhere.status.code() == Some(64) && said.contains("an address of this machine"), "{said}");

    drop(held);
    let mut command = place.command(&["--until-eof"], &[("FOOTFALL_HTTP_LISTEN", &listen)]);
    let running = Process::start(&mut command);
    let checked = place.run(&["--check"], &[("FOOTFALL_HTTP_LISTEN", &listen)]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(running.finish().success());
}

#[test]
fn the_operators_port_is_looked_at_too_told_once_it_serves_and_may_be_off() {
    let place = Place::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = held.local_addr().expect("bound").to_string();
    let refused = place.run(&["--check"], &[("FOOTFALL_HEALTH_LISTEN", &listen)]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(64), "{said}");
    assert!(said.contains("`health.listen`") && said.contains(&listen), "{said}");
    drop(held);
    let running =
        Process::start(&mut place.command(&["--until-eof"], &[("FOOTFALL_HEALTH_LISTEN", &listen)]));
    assert_eq!(running.said("health"), format!("http://{listen}"));
    assert_ne!(running.said("http"), running.said("health"));
    assert!(running.finish().success());
    let mut without = place.command(&["--until-eof"], &[("FOOTFALL_HEALTH_LISTEN", "off")]);
    let running = Process::start(&mut without);
    assert!(running.said("http").starts_with("http://127.0.0.1:"));
    assert!(std::panic::catch_unwind(|| running.said("health").to_owned()).is_err(), "it is nowhere");
    assert!(running.finish().success());
}

#[test]
fn messages_that_no_terminal_shows_have_no_colours_and_one_time_a_line() {
    let place = Place::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = held.local_addr().expect("bound").to_string();
    drop(held);
    let mut command = place.command(&["--until-eof"], &[("FOOTFALL_HTTP_LISTEN", &listen)]);
    let log = std::fs::File::create(place.file("log")).expect("made");
    assert!(Process::start(command.stderr(log)).finish().success());
    let said = std::fs::read_to_string(place.file("log")).expect("text");
    assert!(said.contains("serving") && !said.contains('\u{1b}'), "{said:?}");
    let century = "20";
    for line in said.lines() {
        assert!(line.starts_with(century) && line.matches("Z ").count() == 1, "{line}");
    }
}

#[test]
fn an_edge_waits_for_its_predecessor_and_says_so_once() {
    let place = Place::new();
    let first = Process::start(&mut place.command(&["--until-eof"], &[]));
    let path = place.file("log");
    let mut successor = place.command(&["--until-eof"], &[]);
    successor.stderr(std::fs::File::create(&path).expect("made"));
    let successor = std::thread::spawn(move || Process::start(&mut successor));
    let said = || std::fs::read_to_string(&path).expect("text");
    let waits = || said().matches("waiting for another process to release the lock").count();
    let deadline = Instant::now() + Duration::from_secs(20);
    while waits() == 0 {
        assert!(Instant::now() < deadline, "it does not say that it waits: {}", said());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(first.finish().success());
    assert!(successor.join().expect("it starts").finish().success());
    assert_eq!(waits(), 1, "{}", said());
}
