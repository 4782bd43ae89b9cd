//! footfall.wasm and its bindings: cargo, wasm-bindgen, short names, wasm-opt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

use super::packages::Tools;
use crate::{compile, place, shell};

/// The module, and what its script must know of it.
pub(super) struct Module {
    /// The optimised module.
    pub(super) wasm: Vec<u8>,
    /// The bindings that wasm-bindgen wrote, as plain functions that speak to the module by its short names.
    pub(super) bindings: String,
    /// What the module imports: short name, and the function of the bindings behind it.
    pub(super) imports: Vec<(String, String)>,
    /// The short name of the function that must be called first.
    pub(super) start: String,
}

/// The name under which the module finds its imports.
pub(super) const IMPORTS: &str = "f";
const START: &str = "__wbindgen_start";
/// What the module may use of WebAssembly: what rustc assumes by itself, which browsers have had since 2021. The optimiser
/// would take anything newer that it is allowed to.
const FEATURES: [&str; 6] = [
    "bulk-memory",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// Builds in `work`.
pub(super) fn build(work: &Path, tools: &Tools) -> anyhow::Result<Module> {
    let mut output = Bindgen::new()
        .input_path(compile()?)
        .out_name("footfall")
        .bundler(true)?
        .browser(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .encode_into(EncodeInto::Always)
        .generate_output()
        .context("wasm-bindgen failed")?;
    output.emit(work).context("wasm-bindgen could not write its output")?;
    let bindings = work.join("footfall_bg.js");
    let bindings = std::fs::read_to_string(&bindings)
        .with_context(|| format!("cannot read {}", bindings.display()))?
        .replace("\nexport ", "\n");

    // The long names with their hashes would be a twentieth of everything that a page fetches.
    let wasm = output.wasm_mut();
    let mut imports = Vec::new();
    for (index, import) in wasm.imports.iter_mut().enumerate() {
        let short = short_name(index);
        imports.push((short.clone(), std::mem::replace(&mut import.name, short)));
        IMPORTS.clone_into(&mut import.module);
    }
    let mut exports: BTreeMap<String, String> = exports_used(&bindings)
        .into_iter()
        .chain([START.to_owned()])
        .map(|name| (name, String::new()))
        .collect();
    for (index, short) in exports.values_mut().enumerate() {
        *short = short_name(index);
    }
    let mut unused = Vec::new();
    for export in wasm.exports.iter().filter(|export| !exports.contains_key(&export.name)) {
        unused.push(export.id());
    }
    for export in unused {
        wasm.exports.delete(export);
    }
    for export in wasm.exports.iter_mut() {
        export.name.clone_from(&exports[&export.name]);
    }

    let plain = work.join("plain.wasm");
    std::fs::write(&plain, wasm.emit_wasm()).with_context(|| format!("cannot write {}", plain.display()))?;
    let small = work.join("small.wasm");
    let mut optimise = tools.program("wasm-opt");
    optimise.args(["-Oz", "--converge"]).args(FEATURES.map(|name| format!("--enable-{name}")));
    optimise.args(["--strip-debug", "--strip-producers", "--strip-target-features"]);
    shell::run(optimise.arg(&plain).arg("-o").arg(&small))?;
    Ok(Module {
        wasm: std::fs::read(&small).with_context(|| format!("cannot read {}", small.display()))?,
        bindings: rename_exports(&bindings, &exports),
        imports,
        start: exports[START].clone(),
    })
}

/// Compiles the room for the browser and returns the module's path.
fn compile() -> anyhow::Result<PathBuf> {
    let mut cargo = shell::cargo(["build", "--package", "footfall-beacon", "--profile", "beacon"]);
    cargo.args(["--target", "wasm32-unknown-unknown"]);
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home directory")?;
    // Functions that stay whole are repeated less, and what repeats packs well. Panics name no folder of this machine.
    let flags = [
        "-Cllvm-args=-inline-threshold=0".to_owned(),
        format!("--remap-path-prefix={}=cargo", home.display()),
        format!("--remap-path-prefix={}=.", place::root().display()),
    ];
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")).env_remove("RUSTFLAGS");
    compile::run("the beacon", &mut cargo, &["footfall-beacon"], |_| Ok(()))?;
    Ok(place::target()?.join("wasm32-unknown-unknown").join("beacon").join("footfall_beacon.wasm"))
}

/// `a`, `b`, … `Z`, `aa`, …
fn short_name(index: usize) -> String {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let last = char::from(LETTERS[index % LETTERS.len()]);
    match index / LETTERS.len() {
        0 => last.to_string(),
        more => short_name(more - 1) + &last.to_string(),
    }
}

/// What the bindings call on the module: every `wasm.NAME`.
fn exports_used(bindings: &str) -> Vec<String> {
    pieces(bindings).filter_map(|(name, _)| name).map(str::to_owned).collect()
}

fn rename_exports(bindings: &str, names: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(bindings.len());
    for (name, after) in pieces(bindings) {
        if let Some(name) = name {
            text += "wasm.";
            text += &names[name];
        }
        text += after;
    }
    text
}

/// The text cut at each `wasm.NAME`: that name (none before the first), and what follows it up to the next.
fn pieces(text: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    const OBJECT: &str = "wasm.";
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    text.split(OBJECT).enumerate().map(move |(index, piece)| {
        if index == 0 {
            return (None, piece);
        }
        let end = piece.find(|c| !is_name(c)).unwrap_or(piece.len());
        (Some(&piece[..end]), &piece[end..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_never_the_same() {
        let names: Vec<_> = (0..3000).map(short_name).collect();
        assert_eq!((names[0].as_str(), names[51].as_str(), names[52].as_str()), ("a", "Z", "aa"));
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn exports_are_renamed_where_they_are_used_and_nowhere_else() {
        let bindings = "let x = wasm.memory; const memory = 1; wasm.beacon_call(this.ptr, wasm.memory)";
        assert_eq!(exports_used(bindings), ["memory", "beacon_call", "memory"]);
        let names =
            [("memory".to_owned(), "a".to_owned()), ("beacon_call".to_owned(), "b".to_owned())].into();
        assert_eq!(
            rename_exports(bindings, &names),
            "let x = wasm.a; const memory = 1; wasm.b(this.ptr, wasm.a)"
        );
    }
}
