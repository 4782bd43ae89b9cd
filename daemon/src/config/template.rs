//! The configuration of a program as a commented TOML file: every key with what it is for and its default.

use std::fmt::Write as _;

use confique::Config;
use confique::meta::{Field, FieldKind, LeafKind, Meta};

use super::{fields, section};

/// A file that sets nothing: whoever takes a `#` away sets a key to its default, or to what they write there.
pub fn template<C: Config>() -> String {
    let mut text = String::new();
    comment(&mut text, C::META.doc);
    comment(
        &mut text,
        &[
            " Every key can be given as FOOTFALL_<SECTION>_<KEY> instead; a list is separated by commas there.",
        ],
    );
    write_section(&mut text, &C::META, "");
    text
}

/// The section's keys first: what follows a heading belongs to it.
fn write_section(text: &mut String, meta: &'static Meta, path: &str) {
    for field in fields(meta) {
        if let FieldKind::Leaf { kind, .. } = field.kind {
            text.push('\n');
            write_key(text, field, kind);
        }
    }
    for field in fields(meta) {
        let Some(inner) = section(field) else { continue };
        let separator = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{separator}{}", field.name);
        text.push('\n');
        comment(text, field.doc);
        writeln!(text, "[{path}]").expect("a String takes everything");
        write_section(text, inner, &path);
    }
}

fn write_key(text: &mut String, field: &'static Field, kind: LeafKind) {
    comment(text, field.doc);
    let value = match kind {
        LeafKind::Optional => String::new(),
        LeafKind::Required { default: None } => " # required".to_owned(),
        LeafKind::Required { default: Some(default) } => {
            let value = toml::Value::try_from(default).expect("a default is a value of TOML");
            format!(" {value}")
        }
    };
    writeln!(text, "#{} ={value}", field.name).expect("a String takes everything");
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        writeln!(text, "#{line}").expect("a String takes everything");
    }
}
