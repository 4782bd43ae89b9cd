//! The scripts can be started, are what their first line says, and are where they are started.

use std::process::Command;

use super::{Deploy, Faults, ask, folder, is};
use crate::place;

fn scripts(deploy: &Deploy) -> impl Iterator<Item = (&String, &String)> {
    deploy.files.iter().filter(|(path, text)| is(path, "sh") || text.starts_with("#!"))
}

/// What a container is to run of ours is mounted there; what its scripts keep in /run is in memory.
fn faults(deploy: &Deploy) -> Faults {
    let mut faults = Vec::new();
    let kept = regex::Regex::new("/run/[a-z0-9-]+").unwrap();
    for (name, service) in &deploy.compose.services {
        for word in service.words().filter(|word| word.starts_with("/footfall/")) {
            if !service.volumes.iter().any(|mount| mount.target() == word && mount.is_read_only()) {
                faults.push(format!("{name}: it runs {word}, which it is not given to be read only"));
            }
        }
        for path in service.volumes.iter().filter_map(|mount| mount.own_file()) {
            if !deploy.files.contains_key(path) {
                faults.push(format!("{name}: it is given deploy/{path}, which is not there"));
            }
            let text = if is(path, "sh") { deploy.text(path) } else { "" };
            for place in kept.find_iter(text).map(|found| found.as_str()) {
                let owned = |tmpfs: &&String| {
                    let (path, options) = tmpfs.split_once(':').unwrap_or((tmpfs, ""));
                    path == place
                        && service.uid().is_some_and(|uid| {
                            options.split(',').any(|option| option == format!("uid={uid}"))
                        })
                };
                if service.tmpfs.iter().find(owned).is_none() {
                    faults.push(format!("{name}: deploy/{path} writes to {place}, which is not its own"));
                }
            }
        }
    }
    let declared = &deploy.compose.volumes;
    let named = |service: &super::compose::Service| -> Vec<String> {
        service
            .volumes
            .iter()
            .filter(|mount| mount.own_file().is_none())
            .map(|mount| mount.source().to_owned())
            .collect()
    };
    let used: Vec<String> = deploy.compose.services.values().flat_map(named).collect();
    faults.extend(
        used.iter()
            .filter(|name| !declared.contains_key(*name))
            .map(|name| format!("there is no volume {name}")),
    );
    faults.extend(
        declared
            .keys()
            .filter(|name| !used.contains(name))
            .map(|name| format!("nobody uses the volume {name}")),
    );
    faults
}

#[test]
fn what_is_run_is_given_and_volumes_are_used() {
    super::none(&faults(&Deploy::read()));
}

#[test]
fn what_is_run_and_not_given_is_found() {
    let deploy = Deploy::read();
    for (path, from, to, part) in [
        (
            "compose.yaml",
            "- ./compose/redis.sh:/footfall/redis.sh:ro",
            "- ./compose/redis.sh:/footfall/cache.sh:ro",
            "redis: it runs /footfall/redis.sh",
        ),
        (
            "compose.yaml",
            "- ./compose/redis.sh:",
            "- ./compose/cache.sh:",
            "redis: it is given deploy/compose/cache.sh",
        ),
        ("compose.yaml", "/run/redis:uid=999", "/run/redis:uid=998", "writes to /run/redis"),
        ("compose.yaml", "- redis:/data", "- rediss:/data", "there is no volume rediss"),
        ("compose.yaml", "- redis:/data", "- s3:/data", "nobody uses the volume redis"),
    ] {
        super::found(&faults(&deploy.with(path, from, to)), part);
    }
}

/// A clone gives files the mode that git keeps, whatever it is here.
#[test]
fn every_script_can_be_started_in_a_clone() {
    let deploy = Deploy::read();
    assert!(scripts(&deploy).count() > 3, "there are scripts");
    let mut listed = Command::new("git");
    listed.args(["ls-files", "--stage", "--", "deploy"]).current_dir(place::root());
    // Without git, or in an archive of the tree, only the mode of the file itself can be looked at.
    let index = ask(&mut listed).filter(|index| !index.is_empty());
    for (path, text) in scripts(&deploy) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = folder().join(path).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "deploy/{path} is not executable");
        if let Some(index) = &index {
            let line = index.lines().find(|line| line.ends_with(&format!("\tdeploy/{path}")));
            let line = line.unwrap_or_else(|| panic!("deploy/{path} is not in git's index"));
            assert!(
                line.starts_with("100755 "),
                "deploy/{path} is not executable in git: git update-index --chmod=+x deploy/{path}"
            );
        }
        let shell = text.lines().next().and_then(|line| line.strip_prefix("#!/bin/"));
        let shell = shell.filter(|shell| ["sh", "bash"].contains(shell));
        let shell = shell.unwrap_or_else(|| panic!("deploy/{path} does not say which shell it is for"));
        let output = Command::new(shell).arg("-n").arg(folder().join(path)).output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("\nset -eu"), "deploy/{path} goes on after a failure");
    }
}
