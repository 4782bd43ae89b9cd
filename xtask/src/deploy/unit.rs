//! The units: started again but where a start cannot help, under users that exist, shut in, and with folders that the configurations name.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::{Deploy, Faults};

/// What each unit is for: its file, its configuration, and the keys below which that names folders.
const UNITS: [(&str, &str); 2] = [
    ("systemd/edge-collector.service", "config/edge.toml"),
    ("systemd/central.service", "config/central.toml"),
];

/// Lines that shut a service in; each has to be there with this value.
const SHUT_IN: [(&str, &str); 21] = [
    ("AmbientCapabilities", ""),
    ("CapabilityBoundingSet", ""),
    ("LockPersonality", "yes"),
    ("NoNewPrivileges", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateTmp", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHome", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectSystem", "strict"),
    ("RemoveIPC", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("StateDirectoryMode", "0700"),
    ("SystemCallArchitectures", "native"),
    ("UMask", "0077"),
];
/// Lines that have to be there, whatever they say.
const BOUNDED: [&str; 6] =
    ["LimitNOFILE", "MemoryMax", "RestrictAddressFamilies", "SystemCallFilter", "TasksMax", "TimeoutStopSec"];

/// Sections, keys and their values in order: systemd's own syntax (systemd.syntax(7)), without continued lines, of which we have none.
#[derive(Default)]
struct Unit {
    sections: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    faults: Faults,
}

impl Unit {
    fn read(text: &str) -> Self {
        let mut unit = Self::default();
        let mut section = None;
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = Some(name.to_owned());
                continue;
            }
            match (&section, line.split_once('=')) {
                (Some(section), Some((key, value))) if !line.ends_with('\\') => {
                    let keys = unit.sections.entry(section.clone()).or_default();
                    keys.entry(key.trim().to_owned()).or_default().push(value.trim().to_owned());
                }
                _ => unit.faults.push(format!("line {} is neither a section nor a key", number + 1)),
            }
        }
        unit
    }

    fn of(&self, section: &str, key: &str) -> Option<&str> {
        self.sections.get(section)?.get(key)?.last().map(String::as_str)
    }

    fn service(&self, key: &str) -> &str {
        self.of("Service", key).unwrap_or_default()
    }
}

/// Users that sysusers.d makes, each with its home.
fn users(deploy: &Deploy) -> BTreeMap<String, String> {
    let lines = deploy.text("sysusers.d/footfall.conf").lines().filter(|line| line.starts_with("u "));
    let after_the_name = |line: &str| {
        line.rsplit('"').next().and_then(|rest| rest.split_whitespace().next()).map(str::to_owned)
    };
    lines
        .filter_map(|line| Some((line.split_whitespace().nth(1)?.to_owned(), after_the_name(line)?)))
        .collect()
}

fn faults(deploy: &Deploy) -> Faults {
    let (mut faults, users) = (Vec::new(), users(deploy));
    let mut taken = Vec::new();
    for (path, configuration) in UNITS {
        let unit = Unit::read(deploy.text(path));
        let mut told = unit.faults.clone();
        for (key, value) in SHUT_IN {
            if unit.of("Service", key) != Some(value) {
                told.push(format!("{key}={value} is not said"));
            }
        }
        told.extend(
            BOUNDED.iter().filter(|key| unit.service(key).is_empty()).map(|key| format!("{key} is not said")),
        );
        if unit.service("Restart") != "always" || unit.of("Unit", "StartLimitIntervalSec") != Some("0") {
            told.push("it is not started again for ever".to_owned());
        }
        if unit.service("RestartPreventExitStatus") != footfall_daemon::exit::USAGE.to_string() {
            told.push("it is started again with a configuration that is wrong".to_owned());
        }
        let command: Vec<&str> = unit.service("ExecStart").split(' ').collect();
        let program = path.rsplit('/').next().and_then(|name| name.strip_suffix(".service"));
        if command.first().map(|program| program.trim_start_matches("/usr/bin/")) != program {
            told.push("it starts something else than its name says".to_owned());
        }
        if !command.windows(2).any(|pair| {
            pair[0] == "--config" && pair[1].rsplit('/').next() == configuration.rsplit('/').next()
        }) {
            told.push(format!("it is not given {configuration}"));
        }
        let state = format!("/var/lib/{}", unit.service("StateDirectory"));
        if deploy.toml(configuration)["data"].as_str() != Some(&state) {
            told.push(format!("{configuration} keeps its data elsewhere than in {state}"));
        }
        let user = unit.service("User");
        if users.get(user) != Some(&state) || unit.service("Group") != user {
            told.push(format!("sysusers.d makes no user {user:?} at home in {state}"));
        }
        taken.push(user.to_owned());
        faults.extend(told.into_iter().map(|what| format!("{path}: {what}")));
    }
    if taken[0] == taken[1] {
        faults.push("the edge and central are one user".to_owned());
    }
    faults.extend(readers(deploy, &users));
    faults
}

/// Who may read what lies in /etc/footfall: a key is its own program's, and nobody else's.
fn readers(deploy: &Deploy, users: &BTreeMap<String, String>) -> Faults {
    let mut faults = Vec::new();
    let lines = deploy
        .text("tmpfiles.d/footfall.conf")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split_whitespace().collect()).collect();
    for line in &lines {
        let [kind, path, mode, user, "root", "-"] = line[..] else {
            faults.push(format!("tmpfiles.d: {line:?} does not say path, mode, user and group"));
            continue;
        };
        if user != "root" && !users.contains_key(user) {
            faults.push(format!("tmpfiles.d: nobody makes the user {user}"));
        }
        // The programs refuse a secret that more than its owner can read.
        if kind == "z" && mode != "0400" {
            faults.push(format!("tmpfiles.d: {path} can be read by others"));
        }
    }
    let expression =
        regex::Regex::new(r#"(?m)^[^#\n]*"(/etc/footfall/[^"]+\.(?:key|password|secret))""#).unwrap();
    for (unit, configuration) in UNITS {
        let user = Unit::read(deploy.text(unit)).service("User").to_owned();
        for path in expression.captures_iter(deploy.text(configuration)).map(|found| found[1].to_owned()) {
            let end = path.rsplit('.').next().unwrap_or_default();
            let covers = |line: &Vec<&str>| {
                line[0] == "z"
                    && (line[1] == path || line[1] == format!("/etc/footfall/*.{end}"))
                    && line[3] == user
            };
            if !lines.iter().any(covers) {
                faults.push(format!("tmpfiles.d: {path} is not given to {user}"));
            }
        }
    }
    faults
}

#[test]
fn the_units_do_what_the_programs_need_and_no_more() {
    super::none(&faults(&Deploy::read()));
}

#[test]
fn a_unit_that_is_wrong_is_found() {
    let deploy = Deploy::read();
    let edge = "systemd/edge-collector.service";
    for (path, from, to, part) in [
        (
            edge,
            "RestartPreventExitStatus=64",
            "RestartPreventExitStatus=1",
            "with a configuration that is wrong",
        ),
        (edge, "Restart=always", "Restart=on-failure", "not started again"),
        (edge, "StartLimitIntervalSec=0\n", "", "not started again"),
        (edge, "User=footfall-edge", "User=footfall", "sysusers.d makes no user"),
        (edge, "footfall-edge", "footfall-central", "are one user"),
        (edge, "StateDirectory=footfall-edge", "StateDirectory=footfall", "keeps its data elsewhere"),
        (edge, "NoNewPrivileges=yes", "NoNewPrivileges=no", "NoNewPrivileges"),
        (edge, "CapabilityBoundingSet=\n", "CapabilityBoundingSet=CAP_NET_ADMIN\n", "CapabilityBoundingSet"),
        (edge, "MemoryMax=2G\n", "", "MemoryMax"),
        (edge, "[Service]", "Service", "neither a section nor a key"),
        (edge, "/etc/footfall/edge.toml", "/etc/footfall/central.toml", "it is not given"),
        ("sysusers.d/footfall.conf", "u footfall-central", "g footfall-central", "sysusers.d makes no user"),
        ("tmpfiles.d/footfall.conf", "edge.key    0400", "edge.key    0440", "can be read by others"),
        (
            "tmpfiles.d/footfall.conf",
            "edge.key    0400 footfall-edge   ",
            "edge.key    0400 footfall-central",
            "edge.key is not given",
        ),
        (
            "tmpfiles.d/footfall.conf",
            "z /etc/footfall/central.key",
            "z /etc/footfall/other.key",
            "central.key is not given",
        ),
    ] {
        super::found(&faults(&deploy.with(path, from, to)), part);
    }
}

/// What systemd itself says of them, where it is: each line's key and value, of which it knows more than we do.
#[test]
fn systemd_has_nothing_to_say_of_the_units() {
    if super::ask(Command::new("systemd-analyze").arg("--version")).is_none() {
        return;
    }
    let (deploy, folder) = (Deploy::read(), tempfile::tempdir().unwrap());
    for (path, _) in UNITS {
        // The programs are not installed here, but something is.
        let text = deploy.text(path).replace("ExecStart=/usr/bin/", "ExecStart=/bin/true /usr/bin/");
        let copy = folder.path().join(Path::new(path).file_name().unwrap());
        std::fs::write(&copy, text).unwrap();
        let output = Command::new("systemd-analyze").arg("verify").arg(&copy).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let about_it: Vec<&str> = said
            .lines()
            .filter(|line| line.contains(&*copy.file_name().unwrap().to_string_lossy()))
            .collect();
        assert!(about_it.is_empty(), "{}", about_it.join("\n"));
    }
}
