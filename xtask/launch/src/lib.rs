//! Builds with cargo and says how far it is. Knows nothing of what is built, and decides nothing by what cargo answers.

mod build;
mod crates;
mod progress;
mod show;

pub use build::{build, without_package};
