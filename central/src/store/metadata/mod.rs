//! Websites and users in SQLite, and the policy that the edges get from them.
