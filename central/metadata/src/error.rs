//! Why the metadata could not be read or written: one sentence that names the location and says what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::migrate::MigrateError;

use footfall_daemon::fault::{Classify, Fault};

use super::location::{Location, Server};

/// Why the metadata database could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder cannot be made, read or written.
    #[error(
        "the metadata database {path} cannot be used: {source}; let the user that central runs as write that file and its folder"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file with the password, or with the certificates, cannot be read.
    #[error("{path}, which the configuration names in metadata.postgresql.{key}, cannot be used: {source}")]
    Secret {
        /// Which key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has been changing the schema for longer than anybody waits.
    #[error("another process has held {path} for 10 seconds; is one of them stuck?")]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// Nobody answers there. Transient.
    #[error("{location} does not answer ({reason}); is it running, and can this machine reach it?")]
    Away {
        /// Which database.
        location: Arc<Location>,
        /// What was seen.
        reason: String,
    },
    /// The server turned central away, and will until somebody changes something.
    #[error("{location} refuses: {reason}; {remedy}")]
    Refused {
        /// Which database.
        location: Arc<Location>,
        /// What it said.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// Nothing can be changed there. What is there can be read.
    #[error(
        "{location} is read-only; make it writable, or name the server that is (a standby and default_transaction_read_only refuse writes)"
    )]
    ReadOnly {
        /// Which database.
        location: Arc<Location>,
    },
    /// The schema has a migration that this binary does not know.
    #[error(
        "{location} was written by a newer version (schema {version}); run that version or restore a copy"
    )]
    NewerSchema {
        /// Which database.
        location: Arc<Location>,
        /// The migration that is unknown here.
        version: i64,
    },
    /// A migration that was applied is not the one that this binary has.
    #[error(
        "the schema of {location} was made by another build (migration {version} had another text); run that build or restore a copy"
    )]
    ChangedSchema {
        /// Which database.
        location: Arc<Location>,
        /// The migration.
        version: i64,
    },
    /// A migration failed; the database is as it was before it.
    #[error("the schema of {location} could not be brought up to date: {source}")]
    Migration {
        /// Which database.
        location: Arc<Location>,
        /// What failed.
        source: MigrateError,
    },
    /// A statement failed.
    #[error("{location} did not answer: {source}")]
    Statement {
        /// Which database.
        location: Arc<Location>,
        /// What failed.
        source: sqlx::Error,
    },
    /// A row says something that this binary does not understand.
    #[error("{what} in the metadata database has a {column} that cannot be read: {reason}")]
    Malformed {
        /// The row.
        what: String,
        /// The column or property.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A password could not be hashed.
    #[error("the password could not be hashed: the system gave no randomness or no thread")]
    Unhashed,
    /// The tracking id belongs to another website, perhaps to one that was deleted.
    #[error("tracking id {0} is already in use")]
    TrackingIdTaken(String),
    /// What was to be added is there.
    #[error("there is already {0}")]
    Taken(String),
    /// What was named is not there.
    #[error("there is no {0}")]
    Unknown(String),
    /// It would break a rule that the data has to keep.
    #[error("{0}")]
    Forbidden(String),
}

impl Error {
    /// Sorts what the client said about `place`.
    pub(super) fn of(location: &Arc<Location>, source: sqlx::Error) -> Self {
        let location = Arc::clone(location);
        match &source {
            // What rustls has to say of a certificate comes as an error of this kind.
            sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => no_tls(location, error),
            sqlx::Error::Tls(error) => no_tls(location, error),
            sqlx::Error::Io(error) => Self::Away { location, reason: error.to_string() },
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Away { location, reason: "no connection in time".to_owned() }
            }
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default().into_owned();
                match location.as_ref() {
                    Location::Sqlite(_) if code.parse::<u32>().is_ok_and(|code| code & 0xff == 8) => {
                        Self::ReadOnly { location }
                    }
                    Location::Sqlite(_) => Self::Statement { location, source },
                    Location::Postgresql(server) => {
                        let (reason, server) = (error.message().to_owned(), server.clone());
                        match code.as_str() {
                            "25006" => Self::ReadOnly { location },
                            // It is starting, stopping, or has no connection left.
                            "57P01" | "57P02" | "57P03" | "53300" => Self::Away { location, reason },
                            code => match remedy(code, &server) {
                                Some(remedy) => Self::Refused { location, reason, remedy },
                                None => Self::Statement { location, source },
                            },
                        }
                    }
                }
            }
            _ => Self::Statement { location, source },
        }
    }

    /// Sorts what a migration said.
    pub(super) fn of_migration(location: &Arc<Location>, error: MigrateError) -> Self {
        let own = |source| match Self::of(location, source) {
            Self::Statement { location, source } => {
                Self::Migration { location, source: MigrateError::Execute(source) }
            }
            known => known,
        };
        let location = Arc::clone(location);
        match error {
            MigrateError::VersionMissing(version) => Self::NewerSchema { location, version },
            MigrateError::VersionMismatch(version) => Self::ChangedSchema { location, version },
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => own(source),
            source => Self::Migration { location, source },
        }
    }

    /// Whether a statement failed because the value is there already.
    pub(super) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Statement { source: sqlx::Error::Database(refusal), .. } if refusal.is_unique_violation())
    }

    fn passes_by_itself(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Away { .. } => true,
            Self::Statement { location, source: sqlx::Error::Database(error) } => {
                let code = error.code().unwrap_or_default();
                match location.as_ref() {
                    // SQLITE_BUSY and SQLITE_LOCKED, extended codes included.
                    Location::Sqlite(_) => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
                    // Serialization failure, deadlock, lock not available, statement cancelled for its time.
                    Location::Postgresql(_) => matches!(&*code, "40001" | "40P01" | "55P03" | "57014"),
                }
            }
            _ => false,
        }
    }
}

impl Classify for Error {
    fn fault(&self) -> Fault {
        if self.passes_by_itself() { Fault::Transient } else { Fault::Permanent }
    }
}

fn no_tls(location: Arc<Location>, error: &impl fmt::Display) -> Error {
    let remedy = "metadata.postgresql.ca has to name the authority that signed its certificate, and metadata.postgresql.host the \
                  name in it";
    Error::Refused { location, reason: format!("TLS failed: {error}"), remedy: remedy.to_owned() }
}

/// What to do about an SQLSTATE of PostgreSQL (its manual, appendix A) that only a person can end.
fn remedy(code: &str, server: &Server) -> Option<String> {
    let Server { user, database, password_file, .. } = server;
    match code {
        "28P01" => Some(format!("put the password of {user} into {}", password_file.display())),
        "28000" => Some(format!("allow {user} in its pg_hba.conf, or name another metadata.postgresql.user")),
        "3D000" => Some(format!("create it: CREATE DATABASE {database} OWNER {user}")),
        "42501" => Some(format!("make {user} its owner: ALTER DATABASE {database} OWNER TO {user}")),
        "53100" => Some("its disk is full: make room".to_owned()),
        _ => None,
    }
}
