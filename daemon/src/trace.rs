//! What a program logs, and where to: lines on standard error, as many as `FOOTFALL_LOG` asks for.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Names the filter, such as `debug` or `info,quinn=warn`.
pub const VARIABLE: &str = "FOOTFALL_LOG";

/// Begins to log. To be called once, by `main`.
pub fn start() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !plain)
        // When the reader of standard error is gone, a line that cannot be written must not become a panic.
        .log_internal_errors(false)
        .init();
}
