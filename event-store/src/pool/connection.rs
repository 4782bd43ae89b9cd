//! The connection that a thread of the pool reuses. Settings stay with a connection, so one that got any is closed after the request.

use crate::engine::{Connection, Exception, Library};
use crate::request::Request;
use std::sync::Arc;

/// Opens connections with the same arguments.
#[derive(Clone)]
pub struct ConnectionOpener {
    /// The engine.
    pub library: &'static Library,
    /// Arguments of every connection.
    pub arguments: Arc<[String]>,
    /// Statements that each begins with.
    pub prepare: Arc<[String]>,
}

/// The connection that a thread holds between requests.
pub struct PooledConnection {
    opener: ConnectionOpener,
    current: Option<Current>,
}

struct Current {
    connection: Connection,
    database: Option<String>,
}

impl PooledConnection {
    /// Opens nothing yet.
    pub fn new(opener: ConnectionOpener) -> Self {
        Self { opener, current: None }
    }

    /// Opens a connection if there is none.
    pub fn open(&mut self) -> Result<(), Exception> {
        if self.current.is_none() {
            let mut connection = Connection::open(self.opener.library, &self.opener.arguments)
                .map_err(|error| Exception::parse(&error.to_string()))?;
            for sql in &*self.opener.prepare {
                connection.query(sql.as_bytes(), "Null", &[])?;
            }
            self.current = Some(Current { connection, database: None });
        }
        Ok(())
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
