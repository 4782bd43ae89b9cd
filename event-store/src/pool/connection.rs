//! The connection that a thread of the pool reuses. Settings stay with a connection, so one that got any is closed after the request.

use super::CONNECTION_ID_SETTING;
use crate::engine::{Connection, Exception, Library};
use crate::request::Request;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Opens connections with the same arguments, each with an id of its own.
#[derive(Clone)]
pub struct ConnectionOpener {
    /// The engine.
    pub library: &'static Library,
    /// Arguments of every connection.
    pub arguments: Arc<[String]>,
    /// Numbers the connections of the process.
    pub next_connection_id: Arc<AtomicU64>,
}

/// The connection that a thread holds between requests.
pub struct PooledConnection {
    opener: ConnectionOpener,
    current: Option<Current>,
}

struct Current {
    connection: Connection,
    connection_id: String,
    database: Option<String>,
}

impl PooledConnection {
    /// Opens nothing yet.
    pub fn new(opener: ConnectionOpener) -> Self {
        Self { opener, current: None }
    }

    /// Opens a connection if there is none; gives its id.
    pub fn open(&mut self) -> Result<&str, Exception> {
        let current = if let Some(current) = self.current.take() {
            current
        } else {
            let connection_id =
                format!("connection-{}", self.opener.next_connection_id.fetch_add(1, Ordering::Relaxed));
            let mut arguments = self.opener.arguments.to_vec();
            arguments.push(format!("--{CONNECTION_ID_SETTING}={connection_id}"));
            let connection = Connection::open(self.opener.library, &arguments)
                .map_err(|error| Exception::parse(&error.to_string()))?;
            Current { connection, connection_id, database: None }
        };
        Ok(&self.current.insert(current).connection_id)
    }

    /// Makes a database the current one.
    pub fn use_database(&mut self, database: &str) -> Result<(), Exception> {
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
    pub fn connection(&mut self) -> Result<&mut Connection, Exception> {
        self.open()?;
        Ok(&mut self.current.as_mut().expect("opened in the line above").connection)
    }

    /// Closes the connection: it has settings of a request, or an error left something in it. The engine frees what it
    /// held of a failed result, and the statement leaves `system.processes`, only then.
    pub fn close(&mut self) {
        self.current = None;
    }
}
