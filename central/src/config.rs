//! What central is told by its TOML file and the environment, parsed and checked before any port is bound.
