//! The edge as a whole: real HTTP, a real journal, and a central that can be made to misbehave.

mod admin;
mod admission;
mod attacks;
mod certificates;
mod check;
mod clocks;
mod durability;
mod forms;
mod golden;
mod hostile;
mod logs;
mod relay;
mod submissions;
mod support;
mod visit_source;
