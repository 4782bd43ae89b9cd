//! From bytes to events: the protocols in which events are sent, brought to one form. Pure.

pub mod footfall;
pub mod pixel;
