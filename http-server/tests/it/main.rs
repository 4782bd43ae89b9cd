//! What strangers do to a listener, and what must hold meanwhile: on loopback, with short deadlines.

mod attacks;
mod client;
mod places;
