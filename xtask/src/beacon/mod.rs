//! Builds the beacon: WebAssembly, bindings, shim, sizes, all into beacon-wasm/dist/. Prints to stderr only. What each part
//! does stands in its file; the order stands here.

mod module;
mod packages;
mod script;
mod size;
mod stamp;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use footfall_daemon::lock::Lock;

use crate::place;
use size::{Size, Sizes};

/// Longest wait for another process that builds the same.
const PATIENCE: Duration = Duration::from_mins(10);

/// Builds `beacon-wasm/dist/`; a second call with nothing changed does no work.
///
/// # Errors
/// Besides what can go wrong in a build: a beacon that is larger than `beacon-wasm/sizes.json` allows.
pub(crate) fn build(root: &Path) -> anyhow::Result<()> {
    let beacon = root.join("beacon-wasm");
    let dist = beacon.join("dist");
    let work = place::target()?.join("beacon");
    for folder in [&dist, &work] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let _lock = Lock::take(&work.join("lock"), PATIENCE)?
        .with_context(|| format!("another process has been building the beacon for {PATIENCE:?}"))?;
    let inputs = stamp::of_inputs(root)?;
    if stamp::is_fresh(&dist, &inputs) {
        return Ok(());
    }
    let tools = packages::install(&beacon)?;
    let module = module::build(&work, &tools)?;
    let shim = beacon.join("shim").join("footfall.js");
    let shim = std::fs::read_to_string(&shim).with_context(|| format!("cannot read {}", shim.display()))?;
    let script = script::bundle(&work, &tools, &module, &shim)?;

    let sizes = Sizes {
        shim: Size::of(script.shim.as_bytes())?,
        script: size::write_packed(&dist.join("footfall.js"), script.all.as_bytes())?,
        module: size::write_packed(&dist.join("footfall.wasm"), &module.wasm)?,
    };
    eprintln!("{sizes}");
    size::check(&beacon.join("sizes.json"), &sizes)?;
    stamp::write(&dist, &inputs)
}
