//! How the commands print: JSON under one name, or columns as wide as what is in them.

use std::io::{self, Write};

use serde::Serialize;

/// Prints a list as `{"<name>": [...]}`, or each item on a line of its own.
pub(super) fn list<T: Serialize, const N: usize>(
    name: &str,
    items: &[T],
    json: bool,
    out: &mut impl Write,
    cells: impl Fn(&T) -> [String; N],
) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", serde_json::json!({ name: items }));
    }
    let lines: Vec<[String; N]> = items.iter().map(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for line in &lines {
        let padded: Vec<_> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())?;
    }
    Ok(())
}

/// Prints one thing as JSON, or a sentence about it.
pub(super) fn one<T: Serialize>(
    item: &T,
    json: bool,
    out: &mut impl Write,
    sentence: impl FnOnce(&T) -> String,
) -> io::Result<()> {
    if json { writeln!(out, "{}", serde_json::json!(item)) } else { writeln!(out, "{}", sentence(item)) }
}

/// What may be missing.
pub(super) fn maybe(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}
