//! The `central` executable: reads the configuration, then runs [`footfall_central::app`].

fn main() {}
