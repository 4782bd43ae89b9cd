//! The commands that judge: `test`, `ci`, `deny`, `prove`. Each step is a command that a person can run alone.

mod build;
pub(crate) mod ci;
mod cost;
pub(crate) mod deny;
mod document;
mod evidence;
mod mutants;
mod program;
pub(crate) mod prove;
mod queue;
mod scope;
mod table;
mod tally;
pub(crate) mod test;
