//! `docs`: writes into docs/configuration.md what the programs themselves say about their configuration. Tests beside the
//! configurations fail when that is no longer what stands there.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::{file, place, shell};

/// What is generated: documents whose code blocks are what a command prints.
const DOCUMENTS: &[&str] = &["docs/configuration.md"];

/// Begins the line before such a block, and names the program and its arguments.
const MARK: &str = "<!-- printed by: ";

pub(crate) fn run() -> anyhow::Result<()> {
    shell::run(&mut shell::cargo(["build", "--quiet", "-p", "footfall-edge", "-p", "footfall-central"]))?;
    for document in DOCUMENTS {
        let path = place::root().join(document);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {document}"))?;
        let filled = filled(&text, |command| printed(&place::binaries(false)?, command))?;
        file::write(&path, filled.as_bytes(), 0o644)?;
    }
    Ok(())
}

fn printed(binaries: &Path, command: &str) -> anyhow::Result<String> {
    let mut words = command.split_whitespace();
    let program = words.next().context("a mark names no program")?;
    shell::read(std::process::Command::new(binaries.join(program)).args(words))
}

/// The document with each marked block's content replaced.
fn filled(text: &str, print: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<String> {
    let mut filled = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        filled.push_str(line);
        filled.push('\n');
        let Some(command) = line.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        let fence = lines.next().unwrap_or_default();
        ensure!(fence.starts_with("```"), "no code block follows {line}");
        ensure!(lines.any(|line| line == "```"), "the code block behind {line} has no end");
        filled.extend([fence, "\n", print(command)?.trim_end(), "\n```\n"]);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_block_is_replaced_and_everything_else_stays() {
        let text = "# A\n\n<!-- printed by: thing --all -->\n```toml\nold\n```\n\n```sh\nstays\n```\nend\n";
        let filled = filled(text, |command| Ok(format!("# by {command}\nnew = 1\n"))).unwrap();
        assert_eq!(
            filled,
            "# A\n\n<!-- printed by: thing --all -->\n```toml\n# by thing --all\nnew = 1\n```\n\n```sh\nstays\n```\nend\n"
        );
    }

    #[test]
    fn a_mark_without_a_block_is_a_mistake() {
        for text in ["<!-- printed by: thing -->\ntext\n", "<!-- printed by: thing -->\n```toml\nopen\n"] {
            assert!(filled(text, |_| Ok(String::new())).is_err(), "{text}");
        }
    }
}
