//! From a typed question to rows of the event store. Reads only.
