//! What several of Footfall's programs need to live and die, once each: how they start, wait for a predecessor, say that they are ready,
//! keep small files, judge certificates, say what is wrong, measure themselves, and end. Knows no message, no journal and no outside system.

pub mod backoff;
pub mod certificate;
pub mod config;
pub mod descriptors;
pub mod exit;
pub mod fault;
pub mod file;
pub mod folder;
pub mod guard;
pub mod lock;
pub mod port;
pub mod process;
pub mod ready;
pub mod repeated;
pub mod secret;
pub mod status;
pub mod stop;
pub mod trace;
