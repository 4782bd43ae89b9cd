//! Compiles the schemas with a protobuf compiler written in Rust, so that no `protoc` need be installed.

#[allow(clippy::disallowed_methods, reason = "cargo tells a build script its target in the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=schema");
    let files = protox::compile(["schema/beacon.proto", "schema/relay.proto"], ["schema"])?;
    let mut config = prost_build::Config::new();
    // In order, so that equal messages are equal bytes: a repeat is recognised by them. The beacon has no other maps either, as it is
    // built without std.
    config.btree_map(["."]);
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch != "wasm32") {
        // Payloads are cut out of the buffer they arrived in, not copied.
        config.bytes(["."]);
    }
    config.compile_fds(files)?;
    Ok(())
}
