//! Examples in docs, which cargo compiles and runs as tests: only of packages that have any, because looking for them compiles
//! a library once more.

use std::path::Path;

use anyhow::Context;

use super::program::Given;
use super::tally::Tally;
use crate::shell;
use crate::workspace::Package;

/// Runs the examples in these packages' docs.
pub(super) fn test(packages: &[&Package], given: &Given<'_>) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut with_examples = Vec::new();
    for package in packages {
        if has_example(&package.folder.join("src"))? {
            with_examples.extend(["-p", package.name.as_str()]);
        }
    }
    if with_examples.is_empty() {
        return Ok(tally);
    }
    let mut cargo = shell::cargo(["test", "--doc", "--no-fail-fast"]);
    cargo.args(with_examples).arg("--").args(given.arguments);
    cargo.envs(given.environment.iter().map(|(name, value)| (name, value)));
    let output = cargo.output().context("could not start cargo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    said.lines().for_each(|line| tally.read(line));
    anyhow::ensure!(
        output.status.success() || tally.failed > 0,
        "examples in docs cannot be tested: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(tally)
}

/// Whether any file below the folder has a block of Rust in its docs.
fn has_example(folder: &Path) -> anyhow::Result<bool> {
    if !folder.is_dir() {
        return Ok(false);
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let found = if path.is_dir() {
            has_example(&path)?
        } else {
            path.extension().is_some_and(|extension| extension == "rs")
                && shows_rust(&std::fs::read_to_string(&path)?)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a doc comment opens a block that rustdoc takes for Rust: one without a language, or with one of rustdoc's words.
fn shows_rust(source: &str) -> bool {
    const WORDS: [&str; 5] = ["rust", "should_panic", "no_run", "compile_fail", "ignore"];
    let mut inside = false;
    for line in source.lines() {
        let line = line.trim_start();
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            inside = false;
            continue;
        };
        let Some(language) = text.trim().strip_prefix("```") else { continue };
        inside = !inside;
        let first = language.split(',').next().unwrap_or_default().trim();
        if inside && (first.is_empty() || first.starts_with("edition") || WORDS.contains(&first)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_rust_are_told_from_others() {
        for block in ["```", "```rust", "```no_run", "```should_panic,edition2024", "```edition2024"] {
            assert!(
                shows_rust(&format!("/// Like this:\n/// {block}\n/// f();\n/// ```\nfn f() {{}}")),
                "{block}"
            );
            assert!(shows_rust(&format!("    //! {block}\n    //! f();\n    //! ```")), "{block}");
        }
        for block in ["```text", "```sh", "```toml"] {
            assert!(!shows_rust(&format!("/// {block}\n/// f\n/// ```\nfn f() {{}}")), "{block}");
        }
        assert!(!shows_rust("let text = \"```\";\n// ```\n"));
    }
}
