//! Attacks by who has no password, and what the one who has it may not do by mistake: each was seen to succeed before.

mod answers;
mod beyond;
mod caller;
mod depth;
mod lanes;
mod mark;
mod settings;
