//! The log of all records, and the one reading of it that every sink shares. Knows nothing of stores.
