//! Names and kinds of every metric central shows. Counting happens elsewhere.
