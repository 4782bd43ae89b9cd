//! What a page pays for the beacon, in bytes, and what it may cost.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Bytes of one file, and of the same packed with brotli as the edge sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Size {
    raw: usize,
    brotli: usize,
}

/// Everything a page fetches. The shim is a part of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sizes {
    pub(super) shim: Size,
    #[serde(rename = "footfall.js")]
    pub(super) script: Size,
    #[serde(rename = "footfall.wasm")]
    pub(super) module: Size,
}

/// The checked file: what is allowed, and what was measured last.
#[derive(Serialize, Deserialize)]
struct Kept {
    budget_brotli: Budget,
    measured: Sizes,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Budget {
    shim: usize,
    all: usize,
}

impl Size {
    /// Of bytes that are not written anywhere.
    pub(super) fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        Ok(Self { raw: bytes.len(), brotli: pack(bytes)?.len() })
    }
}

/// Writes a file and, beside it, the same packed.
pub(super) fn write_packed(path: &Path, bytes: &[u8]) -> anyhow::Result<Size> {
    let packed = pack(bytes)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".br");
    for (path, bytes) in [(path, bytes), (Path::new(&beside), &packed)] {
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Size { raw: bytes.len(), brotli: packed.len() })
}

fn pack(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters).context("brotli failed")?;
    Ok(packed)
}

/// Holds the sizes against the budget in `file`, and writes them down there.
pub(super) fn check(file: &Path, sizes: &Sizes) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut kept: Kept =
        serde_json::from_str(&text).with_context(|| format!("{} is not as it should be", file.display()))?;
    sizes.fit(kept.budget_brotli)?;
    if kept.measured != *sizes {
        kept.measured = *sizes;
        let text = serde_json::to_string_pretty(&kept).context("sizes are plain data")? + "\n";
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("these sizes are new: they were written to {}", file.display());
    }
    Ok(())
}

impl Sizes {
    fn fit(&self, budget: Budget) -> anyhow::Result<()> {
        let all = self.script.brotli + self.module.brotli;
        anyhow::ensure!(
            self.shim.brotli <= budget.shim && all <= budget.all,
            "the beacon is too large: shim {} of {} bytes, all {all} of {} bytes",
            self.shim.brotli,
            budget.shim,
            budget.all
        );
        Ok(())
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all =
            Size { raw: self.script.raw + self.module.raw, brotli: self.script.brotli + self.module.brotli };
        writeln!(f, "beacon          raw  brotli (bytes)")?;
        for (name, size) in
            [("shim", self.shim), ("footfall.js", self.script), ("footfall.wasm", self.module), ("all", all)]
        {
            write!(f, "{name:13} {:>5}   {:>5}", size.raw, size.brotli)?;
            f.write_str(if name == "all" { "" } else { "\n" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(shim: usize, script: usize, module: usize) -> Sizes {
        let size = |brotli| Size { raw: 2 * brotli, brotli };
        Sizes { shim: size(shim), script: size(script), module: size(module) }
    }

    #[test]
    fn a_beacon_past_its_budget_is_no_build() {
        let budget = Budget { shim: 10, all: 100 };
        assert!(sizes(10, 40, 60).fit(budget).is_ok());
        assert!(sizes(11, 40, 50).fit(budget).is_err());
        let error = sizes(10, 41, 60).fit(budget).expect_err("101 are more than 100");
        assert_eq!(error.to_string(), "the beacon is too large: shim 10 of 10 bytes, all 101 of 100 bytes");
    }

    #[test]
    fn new_sizes_are_written_down_and_the_budget_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sizes.json");
        let first = Kept { budget_brotli: Budget { shim: 10, all: 100 }, measured: sizes(1, 2, 3) };
        std::fs::write(&file, serde_json::to_string(&first).unwrap()).unwrap();
        check(&file, &sizes(4, 5, 6)).unwrap();
        let kept: Kept = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!((kept.measured, kept.budget_brotli.all), (sizes(4, 5, 6), 100));
    }

    #[test]
    fn packed_files_unpack_to_what_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.js");
        let text = "const a = 1;".repeat(50);
        let size = write_packed(&path, text.as_bytes()).unwrap();
        let packed = std::fs::read(folder.path().join("a.js.br")).unwrap();
        assert_eq!((size.raw, size.brotli), (text.len(), packed.len()));
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut packed.as_slice(), &mut plain).unwrap();
        assert_eq!(plain, std::fs::read(&path).unwrap());
    }
}
