//! Puts this program's `write`, `fsync`, `fdatasync` and `rename` before the C library's: see `src/engine/writes.rs`.

fn main() {
    for symbol in ["write", "fsync", "fdatasync", "rename"] {
        println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
