//! How long a story is told, where `cargo xtask prove` or a person wants it longer: a figure from the environment.

/// What the variable `name` says, or else `default`.
///
/// # Panics
/// When it says something that is no number: a story told otherwise than asked proves nothing.
#[must_use]
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
