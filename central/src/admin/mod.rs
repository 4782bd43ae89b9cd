//! The `central admin` commands: work on the metadata database directly, whether central runs or not.
