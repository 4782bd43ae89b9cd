//! What each service may do, and how much of the machine it may take.

use super::compose::Service;
use super::{Deploy, Faults};

/// Who runs as root or keeps a capability, and why.
const ROOT: &[(&str, &str)] = &[("secrets", "it gives each file to the user that reads it, and ends")];

fn faults(deploy: &Deploy) -> Faults {
    let mut faults = Vec::new();
    for (name, service) in &deploy.compose.services {
        let excused = ROOT.iter().any(|(root, _)| root == name);
        faults.extend(held(service, excused).into_iter().map(|what| format!("{name}: {what}")));
        faults.extend(bounded(service).into_iter().map(|what| format!("{name}: {what}")));
        faults.extend(watched(service).into_iter().map(|what| format!("{name}: {what}")));
    }
    faults
}

fn held(service: &Service, excused: bool) -> Faults {
    let no_new_privileges = ["no-new-privileges:true", "no-new-privileges"];
    let told = [
        (!service.read_only, "its file system can be written"),
        (!service.cap_drop.iter().any(|capability| capability == "ALL"), "it keeps capabilities"),
        (
            !service.security_opt.iter().any(|option| no_new_privileges.contains(&option.as_str())),
            "it may gain privileges",
        ),
        (!service.init, "nobody reaps its children"),
        (!excused && !service.cap_add.is_empty(), "it is given a capability"),
        (
            !excused && service.uid().is_none_or(|uid| uid == 0),
            "it runs as root, or as a user without a number",
        ),
    ];
    told.into_iter().filter(|(wrong, _)| *wrong).map(|(_, what)| what.to_owned()).collect()
}

fn bounded(service: &Service) -> Faults {
    let limits = &service.deploy.resources.limits;
    let rotated = ["max-size", "max-file"].iter().all(|key| service.logging.options.contains_key(*key));
    let told = [
        (limits.cpus.is_none(), "cpus are not limited"),
        (limits.memory.is_none(), "memory is not limited"),
        (limits.pids.is_none(), "pids are not limited"),
        (
            service.ulimits.nofile.as_ref().is_none_or(|files| files.soft > files.hard || files.hard == 0),
            "open files are not limited",
        ),
        (service.logging.driver.is_empty() || !rotated, "its log grows without end"),
    ];
    told.into_iter().filter(|(wrong, _)| *wrong).map(|(_, what)| what.to_owned()).collect()
}

/// What goes on is started again and asked whether it lives; what ends says by its end how it went.
fn watched(service: &Service) -> Faults {
    let health = &service.healthcheck;
    if service.ends() {
        let silent =
            if health.disable { None } else { Some("it ends, and is asked whether it lives".to_owned()) };
        return silent.into_iter().collect();
    }
    let asked = health.test.first().is_some_and(|kind| ["CMD", "CMD-SHELL"].contains(&kind.as_str()))
        && health.test.len() > 1;
    let timed = health.interval.is_some() && health.timeout.is_some() && health.retries.is_some();
    if asked && timed && !health.disable {
        Vec::new()
    } else {
        vec!["nobody asks whether it lives".to_owned()]
    }
}

#[test]
fn no_service_may_more_than_it_needs_or_take_more_than_its_share() {
    super::none(&faults(&Deploy::read()));
}

#[test]
fn a_service_that_may_more_is_found() {
    let deploy = Deploy::read();
    for (from, to, part) in [
        ("  read_only: true", "  read_only: false", "edge: its file system"),
        ("cap_drop: [ALL]", "cap_drop: [NET_RAW]", "edge: it keeps"),
        ("no-new-privileges:true", "no-new-privileges:false", "edge: it may gain"),
        ("user: \"10001:10001\"", "user: \"0:0\"", "edge: it runs as root"),
        ("user: \"999:999\"", "user: postgres", "postgresql: it runs as root, or"),
        (
            "limits: { cpus: \"2\", memory: 1g, pids: 256 }",
            "limits: { cpus: \"2\", pids: 256 }",
            "edge: memory",
        ),
        (
            "    networks: [front, relay]",
            "    cap_add: [NET_ADMIN]\n    networks: [front, relay]",
            "edge: it is given",
        ),
        ("interval: 10s", "start_period: 60s", "keeper: nobody asks"),
    ] {
        let text = deploy.text("compose.yaml").replacen(from, to, 1);
        let text =
            if from.starts_with("interval") { text.replacen("  start_period: 60s\n", "", 1) } else { text };
        let broken = deploy.with("compose.yaml", deploy.text("compose.yaml"), &text);
        super::found(&faults(&broken), part);
    }
}
