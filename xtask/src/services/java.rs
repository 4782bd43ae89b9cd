//! How Java machines are started here: small, and compiled quickly rather than well, which halves what a start costs.

use std::path::Path;

/// A machine with so much heap, in MiB, that ends when it has not enough; everything of `jars` can be loaded, and `first` before it.
pub(super) fn machine(heap: u32, first: Option<&Path>, jars: &Path) -> Vec<String> {
    // Java itself expands the star.
    let jars = jars.join("*").display().to_string();
    let classpath = first.map_or_else(|| jars.clone(), |first| format!("{}:{jars}", first.display()));
    let quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-cp"];
    let mut arguments = vec![format!("-Xms{heap}m"), format!("-Xmx{heap}m")];
    arguments.extend(quick.map(str::to_owned));
    arguments.push(classpath);
    arguments
}
