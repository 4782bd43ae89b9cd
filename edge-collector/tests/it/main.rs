//! The edge as a whole: real HTTP, a real journal, and a central that can be made to misbehave.

mod admin;
mod admission;
mod attacks;
mod certificates;
mod check;
mod durability;
mod forms;
mod golden;
mod hostile;
mod relay;
mod submissions;
mod support;
mod visit_source;
