//! What the edge adds to an event before it is journalled: location, device, source, visitor. Looks things up; decides nothing.

pub mod geo;
pub mod hints;
pub mod privacy;
pub mod salt;
pub mod source;
pub mod ua;
pub mod visitor;

/// Cuts `text` to at most `limit` bytes at a character boundary.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}
