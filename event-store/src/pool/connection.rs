//! A thread's connection, and how clean it is. Settings stay with a connection, so one that got any is never used again.

use super::MARK_SETTING;
use crate::engine::{Connection, Fault, Library};
use crate::request::Request;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Opens connections of one kind, each with a mark of its own.
#[derive(Clone)]
pub struct Opener {
    /// The engine.
    pub library: &'static Library,
    /// What every connection of this kind is opened with.
    pub arguments: Arc<[String]>,
    /// Numbers the connections of the process.
    pub marks: Arc<AtomicU64>,
}

/// The connection that a thread holds between requests.
pub struct Lease {
    opener: Opener,
    current: Option<Current>,
}

struct Current {
    connection: Connection,
    mark: String,
    database: Option<String>,
}

impl Lease {
    /// Opens nothing yet.
    pub fn new(opener: Opener) -> Self {
        Self { opener, current: None }
    }

    /// Makes sure of a clean connection; gives its mark.
    pub fn open(&mut self) -> Result<&str, Fault> {
        let current = if let Some(current) = self.current.take() {
            current
        } else {
            let mark = format!("connection-{}", self.opener.marks.fetch_add(1, Ordering::Relaxed));
            let mut arguments = self.opener.arguments.to_vec();
            arguments.push(format!("--{MARK_SETTING}={mark}"));
            let connection = Connection::open(self.opener.library, &arguments)
                .map_err(|error| Fault::parse(&error.to_string()))?;
            Current { connection, mark, database: None }
        };
        Ok(&self.current.insert(current).mark)
    }

    /// Makes a database the current one.
    pub fn enter(&mut self, database: &str) -> Result<(), Fault> {
        self.open()?;
        if let Some(current) = &mut self.current
            && current.database.as_deref() != Some(database)
        {
            current.database = None;
            current.connection.query(Request::use_statement(database).as_bytes(), "Null", &[])?;
            current.database = Some(database.to_owned());
        }
        Ok(())
    }

    /// The connection.
    pub fn connection(&mut self) -> Result<&mut Connection, Fault> {
        self.open()?;
        Ok(&mut self.current.as_mut().expect("opened in the line above").connection)
    }

    /// Closes the connection: it has settings of a request, or an error left something in it. The engine frees what it
    /// held of a failed result, and the statement leaves `system.processes`, only then.
    pub fn retire(&mut self) {
        self.current = None;
    }
}
