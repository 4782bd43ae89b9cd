//! Where things stand: the workspace, the build's output, the cache of what is fetched. Paths only, nothing is created.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the workspace")
}

/// What is fetched once and shared by all checkouts: `$FOOTFALL_CACHE`, or `~/.cache/footfall`.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    if let Some(set) = std::env::var_os("FOOTFALL_CACHE").filter(|set| !set.is_empty()) {
        return std::path::absolute(PathBuf::from(set)).context("FOOTFALL_CACHE is not a path");
    }
    let home = std::env::home_dir().context("there is no home directory: set FOOTFALL_CACHE to a folder")?;
    Ok(home.join(".cache").join("footfall"))
}

/// Cargo's target directory, found from this executable so that a `CARGO_TARGET_DIR` is followed.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this executable has no path")?;
    let target =
        own.parent().and_then(Path::parent).context("this executable does not lie in target/<profile>")?;
    Ok(target.to_owned())
}

/// Where the servers of one build lie.
pub(crate) fn binaries(release: bool) -> anyhow::Result<PathBuf> {
    Ok(target()?.join(if release { "release" } else { "debug" }))
}
