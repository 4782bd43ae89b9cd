//! The stories that need no servers beside their own system and measure no time: one test program, as each links everything.

mod bad_input;
mod dashboard;
mod duplicates;
mod edge_disk;
mod hostile_text;
mod readme;
mod up;
mod visit_source;
