//! One thing wrong at a time, with the real servers: `/readyz` says in one sentence which server it is and what to do, and central goes
//! on by itself once somebody has done it.

mod support;

#[path = "metadata/ground.rs"]
mod ground;
#[path = "log/stage.rs"]
mod stage;

#[path = "readiness/disks.rs"]
mod disks;
#[path = "readiness/kafka.rs"]
mod kafka;
#[path = "readiness/passwords.rs"]
mod passwords;
#[path = "readiness/schemas.rs"]
mod schemas;
#[path = "readiness/settings.rs"]
mod settings;

pub(crate) use support::services;
