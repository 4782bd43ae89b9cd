//! The edge as a whole: real HTTP, a real journal, and a central that can be made to misbehave.

mod admin;
mod admission;
mod certificates;
mod check;
mod descriptors;
mod durability;
mod forms;
mod golden;
mod hostile;
mod relay;
mod submissions;
mod support;
mod visit_source;
