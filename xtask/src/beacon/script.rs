//! footfall.js: the bindings and the hand-written shim in one function, minified.

use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::module::{IMPORTS, Module};
use super::packages::Tools;
use crate::shell;

/// The minified scripts.
pub(super) struct Script {
    /// What pages fetch.
    pub(super) all: String,
    /// The shim alone, for its size.
    pub(super) shim: String,
}

/// Bundles in `work`.
pub(super) fn bundle(work: &Path, tools: &Tools, module: &Module, shim: &str) -> anyhow::Result<Script> {
    let digest = Sha256::digest(&module.wasm);
    // A page that kept an older script must not run it with a newer module: their short names would not mean the same.
    let known = format!(
        "const VERSION = \"{}\", INTEGRITY = \"sha256-{}\";\n",
        digest[..4].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
        BASE64_STANDARD.encode(digest)
    );
    let imports: Vec<_> = module.imports.iter().map(|(short, name)| format!("{short}: {name}")).collect();
    let imports = imports.join(", ");
    let instantiate = format!(
        "const instantiate = (bytes) => WebAssembly.instantiate(bytes, {{ {IMPORTS}: {{ {imports} }} }}).then(({{ instance }}) => {{\n\
         __wbg_set_wasm(instance.exports);\nwasm.{}();\n}});\n",
        module.start
    );
    Ok(Script {
        all: minify(work, tools, "footfall.js", &[&module.bindings, &instantiate, &known, shim])?,
        shim: minify(work, tools, "shim.js", &[&known, shim])?,
    })
}

fn minify(work: &Path, tools: &Tools, name: &str, parts: &[&str]) -> anyhow::Result<String> {
    let plain = work.join(name);
    let text = format!("(() => {{\n{}}})();\n", parts.concat());
    std::fs::write(&plain, text).with_context(|| format!("cannot write {}", plain.display()))?;
    let mut terser = tools.program("terser");
    terser.arg(&plain).args(["--ecma", "2020", "--mangle"]);
    terser.args([
        "--compress",
        "ecma=2020,passes=3,keep_fargs=false,pure_getters=true,unsafe_arrows=true,unsafe_methods=true",
    ]);
    shell::read(&mut terser)
}
