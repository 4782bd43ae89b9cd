//! One thing wrong at a time, with the real servers: `/readyz` says in one sentence which server it is and what to do, and central goes
//! on by itself once somebody has done it.

mod disks;
mod inserts;
mod kafka;
mod passwords;
mod schemas;
pub(crate) mod settings;
