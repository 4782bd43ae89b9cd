//! The edge as a whole: real HTTP, a real journal, and a central that can be made to misbehave.

mod admission;
mod durability;
mod golden;
mod hostile;
mod inside;
mod relay;
mod submissions;
mod support;
