//! The text files of the workspace, in memory: what the rules look at. Build output and fetched packages are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;

/// Paths relative to the root, with `/`, in order; a file that is not text has no contents.
pub(super) struct Tree {
    files: BTreeMap<String, Option<String>>,
    folders: BTreeSet<String>,
}

/// What is made, not written.
const MADE: [&str; 6] = [".git", "target", "node_modules", ".footfall", "dist", "pkg"];

impl Tree {
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self { files: BTreeMap::new(), folders: BTreeSet::new() };
        tree.walk(root, "").with_context(|| format!("cannot read {}", root.display()))?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if MADE.contains(&name.as_str()) {
                // In a second work tree `.git` is a file.
                continue;
            }
            if kind.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
                self.folders.insert(path);
            } else if kind.is_file() {
                // Another process may remove a file of its own between the listing and the reading.
                if let Ok(bytes) = std::fs::read(entry.path()) {
                    self.files.insert(path, String::from_utf8(bytes).ok());
                }
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut folders = BTreeSet::new();
        for (path, _) in files {
            let parts: Vec<&str> = path.split('/').collect();
            folders.extend((1..parts.len()).map(|count| parts[..count].join("/")));
        }
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        Self { files, folders }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Text files whose names end so.
    pub(super) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// All text files.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether a file or a folder has this path.
    pub(super) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.files.contains_key(path) || self.folders.contains(path)
    }
}
