//! Relative links in the documents lead somewhere, headings included. The web is not asked.

use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.ending(".md") {
        for (line, target) in links(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) =
                target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let Some(resolved) = resolve(path, file) else {
                faults.push(Fault::new(path, line, format!("{target} leads out of the project")));
                continue;
            };
            if !tree.has(&resolved) {
                faults.push(Fault::new(path, line, format!("{target} leads nowhere")));
            } else if let (Some(anchor), Some(document)) = (anchor, tree.text(&resolved))
                && is_document(&resolved)
                && !headings(document).any(|heading| heading == anchor)
            {
                faults.push(Fault::new(path, line, format!("{resolved} has no heading #{anchor}")));
            }
        }
    }
    faults
}

/// Targets of `[text](target)` and `[name]: target` outside code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // Every second piece between backticks is code.
        for piece in line.split('`').step_by(2) {
            for (at, _) in piece.match_indices("](") {
                let target = piece[at + 2..].split(')').next().unwrap_or_default();
                found.push((number, target.split_whitespace().next().unwrap_or_default()));
            }
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.push((number, target.split_whitespace().next().unwrap_or_default()));
        }
    }
    found
}

/// Lines, numbered from 1, that are not inside a fenced block.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

fn is_document(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|extension| extension == "md")
}

/// The path from the root that a link in `document` means; `None` when it climbs out.
fn resolve(document: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(document.to_owned());
    }
    let (mut parts, target): (Vec<&str>, &str) = match target.strip_prefix('/') {
        Some(absolute) => (vec![], absolute),
        None => (document.split('/').collect(), target),
    };
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a document's headings, as the usual renderers make them.
fn headings(document: &str) -> impl Iterator<Item = String> {
    prose(document).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("docs/a.md", text),
            ("docs/b.md", "# First things, first\n```\n# not a heading\n```\n"),
            ("README.md", "x"),
            ("journal/src/lib.rs", "x"),
        ]);
        check(&tree).into_iter().map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for link in [
            "b.md",
            "./b.md#first-things-first",
            "../README.md",
            "../journal",
            "../journal/src/",
            "https://x.test/y",
            "#here",
        ] {
            assert!(faults(&format!("# Here\nsee [it]({link})")).is_empty(), "{link}");
        }
        assert!(faults("[`lib.rs`](../journal/src/lib.rs \"title\")").is_empty());
    }

    #[test]
    fn links_that_lead_nowhere_are_found_with_their_line() {
        assert_eq!(faults("x\n[it](c.md)"), ["docs/a.md:2: c.md leads nowhere"]);
        assert_eq!(faults("[it](b.md#second)"), ["docs/a.md:1: docs/b.md has no heading #second"]);
        assert_eq!(faults("[it](b.md#not-a-heading)").len(), 1);
        assert_eq!(
            faults("[it](../../shared/x.md)"),
            ["docs/a.md:1: ../../shared/x.md leads out of the project"]
        );
        assert_eq!(faults("[`x`](c.md)").len(), 1);
        assert_eq!(faults("[it]: c.md").len(), 1);
    }

    #[test]
    fn code_is_not_a_link() {
        assert!(faults("`[it](c.md)`\n```\n[it](c.md)\n```").is_empty());
    }
}
