//! The relay's end: QUIC from the edges into the log. It decodes no event.
