//! Where the metadata lies: a file of this machine, or a server. Opens nothing.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where the metadata lies. Printed as a person would name it; never with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file; made, for its owner only, when there is none.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgresql(Server),
}

/// How a PostgreSQL server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Name or address; what its certificate has to be made out to.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database, which has to exist.
    pub database: String,
    /// Who central is there; needs to own the schema `public` of the database, or to be allowed to create in it.
    pub user: String,
    /// The password, read again for every attempt to open.
    pub password_file: PathBuf,
    /// Whose certificates are believed besides those that the system believes; PEM.
    pub ca: Option<PathBuf>,
    /// Speak TLS and check the certificate. Without it whoever sits between reads everything.
    pub tls: bool,
}

impl Location {
    /// Whether it is a server, which may be away for a while and come back.
    pub fn is_server(&self) -> bool {
        matches!(self, Self::Postgresql(_))
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::Sqlite(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::Sqlite(path.clone())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(out, "the metadata database {}", path.display()),
            Self::Postgresql(server) => write!(out, "PostgreSQL {server}"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}/{}", self.host, self.port, self.database)
    }
}
