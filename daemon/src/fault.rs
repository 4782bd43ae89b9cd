//! What to do about an error: the three answers there are, and the one way to ask for them.

use std::error::Error;

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The same again later can succeed.
    Transient,
    /// Only a person can help; going on would make it worse.
    Permanent,
    /// The data itself cannot be taken: it is parked, and the rest goes on.
    Poison,
}

/// An error that says what to do about it.
pub trait Classify: Error {
    /// What to do.
    fn fault(&self) -> Fault;

    /// Whether the same again later can succeed.
    fn is_transient(&self) -> bool {
        self.fault() == Fault::Transient
    }
}
