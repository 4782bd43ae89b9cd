//! Whether what is built still fits what it was built from: a checksum over all inputs, and one over all outputs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// Files and folders that the beacon is built from, below the workspace's root.
const INPUTS: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "beacon-wasm/Cargo.toml",
    "beacon-wasm/package-lock.json",
    "beacon-wasm/shim",
    "beacon-wasm/src",
    "proto/Cargo.toml",
    "proto/build.rs",
    "proto/schema",
    "proto/src",
    "rust-toolchain.toml",
    "xtask/src/beacon",
];
const OUTPUTS: [&str; 4] = ["footfall.js", "footfall.js.br", "footfall.wasm", "footfall.wasm.br"];
const STAMP: &str = "stamp";

/// A checksum over everything that the beacon is built from.
pub(super) fn of_inputs(root: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    for input in INPUTS {
        gather(&root.join(input), &mut files)?;
    }
    checksum(&files)
}

/// Whether `dist` holds what these inputs were built to.
pub(super) fn is_fresh(dist: &Path, inputs: &str) -> bool {
    let stamp = std::fs::read_to_string(dist.join(STAMP)).ok();
    stamp.is_some_and(|stamp| of_outputs(dist).is_ok_and(|outputs| stamp == line(inputs, &outputs)))
}

/// Notes that `dist` was built from these inputs.
pub(super) fn write(dist: &Path, inputs: &str) -> anyhow::Result<()> {
    let stamp = line(inputs, &of_outputs(dist)?);
    std::fs::write(dist.join(STAMP), stamp).context("cannot write the beacon's stamp")
}

fn of_outputs(dist: &Path) -> anyhow::Result<String> {
    checksum(&OUTPUTS.map(|name| dist.join(name)))
}

fn line(inputs: &str, outputs: &str) -> String {
    format!("{inputs} {outputs}\n")
}

/// All files below `path`, in an order that does not depend on the file system.
fn gather(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
    let mut entries: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| gather(entry, files))
}

fn checksum(files: &[PathBuf]) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    for file in files {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        hasher.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    Ok(hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_output_is_built_again() {
        let dist = tempfile::tempdir().unwrap();
        for name in OUTPUTS {
            std::fs::write(dist.path().join(name), name).unwrap();
        }
        assert!(!is_fresh(dist.path(), "inputs"), "nothing was noted yet");
        write(dist.path(), "inputs").unwrap();
        assert!(is_fresh(dist.path(), "inputs"));
        assert!(!is_fresh(dist.path(), "other inputs"));
        std::fs::write(dist.path().join("footfall.wasm"), "").unwrap();
        assert!(!is_fresh(dist.path(), "inputs"));
    }

    #[test]
    fn a_changed_or_new_source_changes_the_checksum() {
        let root = tempfile::tempdir().unwrap();
        for input in INPUTS {
            let path = root.path().join(input);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if path.extension().is_some() {
                std::fs::write(path, "x")
            } else {
                std::fs::create_dir_all(path)
            }
            .unwrap();
        }
        let first = of_inputs(root.path()).unwrap();
        assert_eq!(first, of_inputs(root.path()).unwrap());
        std::fs::write(root.path().join("beacon-wasm/src/new.rs"), "").unwrap();
        let second = of_inputs(root.path()).unwrap();
        assert_ne!(first, second);
        std::fs::write(root.path().join("beacon-wasm/src/new.rs"), "y").unwrap();
        assert_ne!(second, of_inputs(root.path()).unwrap());
    }
}
