//! The commands that judge: `test`, `ci`, `deny`, `prove`. Each step is a command that a person can run alone.

pub(crate) mod ci;
pub(crate) mod deny;
pub(crate) mod prove;
pub(crate) mod tally;
pub(crate) mod test;
