//! Users, websites and what belongs to them, in SQLite or PostgreSQL, and the policy that the edges get from them. Knows neither edges
//! nor HTTP.
//!
//! One text serves both databases wherever they read it the same way; each is a file in `sql/`. What differs stands in `migrations/`,
//! in `sqlite` and `postgresql`, and in the few places that ask for a dialect.

mod custom;
mod database;
mod error;
mod funnel;
mod goal;
mod input;
mod lease;
mod limits;
mod location;
mod migration;
mod password;
mod pattern;
mod permission;
mod policy;
mod postgresql;
mod property;
mod sqlite;
mod timestamp;
mod user;
mod value;
mod vocabulary;
mod website;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use footfall_daemon::status;
use tokio::sync::{OnceCell, watch as channel};

use database::Database;

pub use custom::{Dimension, Index, Metric};
pub use error::Error;
pub use funnel::{Funnel, Step, StepType, Steps};
pub use goal::{Goal, Target};
pub use input::{
    Domain, Email, Invalid, NewWebsite, TrackingId, currency, name, retention_days, sampling_rate, timezone,
};
pub use lease::Token;
pub use location::{Location, Server};
pub use password::Password;
pub use pattern::{Matcher, Pattern};
pub use permission::Permission;
pub use policy::watch;
pub use property::{Property, PropertyKey};
pub use user::{NewUser, User};
pub use vocabulary::{GoalType, MatchType, MetricType, Role, Scope, Status, UserStatus};
pub use website::{Added, Change, Website};

/// A handle on the metadata database; clones share its connections.
#[derive(Clone, Debug)]
pub struct Metadata {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    location: Arc<Location>,
    /// Empty until the database answered and its schema was up to date for the first time.
    database: OnceCell<Database>,
    /// The websites as [`watch()`] saw them last: what central goes on with while a server is away.
    known: ArcSwapOption<Vec<Website>>,
    /// What [`watch()`] has to say of the last attempt, while there is something.
    fault: status::Status,
    /// How often [`watch()`] has looked and was answered.
    looks: channel::Sender<u64>,
}

impl Metadata {
    /// A handle that has not opened anything: everything fails until [`Metadata::connect`] succeeds, which [`watch()`] tries again and
    /// again.
    #[must_use]
    pub fn at(location: impl Into<Location>) -> Self {
        let inner = Inner {
            location: Arc::new(location.into()),
            database: OnceCell::new(),
            known: ArcSwapOption::empty(),
            fault: status::Status::default(),
            looks: channel::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Opens the database at `place` and brings its schema up to date. A file is made when there is none.
    pub async fn open(location: impl Into<Location>) -> Result<Self, Error> {
        let metadata = Self::at(location);
        metadata.connect().await?;
        Ok(metadata)
    }

    /// Opens the database unless it is open, and brings its schema up to date.
    pub async fn connect(&self) -> Result<(), Error> {
        let opened =
            self.inner.database.get_or_try_init(|| Database::open(&self.inner.location)).await.map(drop);
        if let Err(error) = &opened {
            self.set_fault(Some(error));
        }
        opened
    }

    /// What keeps the database from doing its whole job, in one sentence, as of [`watch()`]'s last look.
    pub fn fault(&self) -> Option<String> {
        self.inner.fault.fault()
    }

    /// Counts how often [`watch()`] has looked and was answered; what it found has been sent by then. Whoever wants to know the websites
    /// as of now waits until two more looks have ended: the first of them may have begun before. That costs the database nothing.
    pub fn looks(&self) -> channel::Receiver<u64> {
        self.inner.looks.subscribe()
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        if let Some(database) = self.inner.database.get() {
            database.close().await;
        }
    }

    fn set_fault(&self, error: Option<&Error>) {
        self.inner.fault.set(error.map(ToString::to_string));
    }

    fn database(&self) -> Result<&Database, Error> {
        self.inner.database.get().ok_or_else(|| Error::Away {
            location: Arc::clone(&self.inner.location),
            reason: self.fault().unwrap_or_else(|| "it has not been opened yet".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests;
