//! From the log into the stores: one runner for all, and a mapping file for each store.
