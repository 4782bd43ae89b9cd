//! The last hour, in memory, per website. Pure: time is an argument.
