//! A running INSERT, fed chunk by chunk. Nothing of it is kept unless [`InsertStream::finish`] succeeds.

use super::Exception;
use super::connection::{BoundParameters, Connection, Finished, Outcome};
use super::library::{Handle, text};

/// An open insert. Dropping it without [`InsertStream::finish`] cancels it: what the engine has not yet written as a part is
/// gone (parts are written every 1,048,449 rows or 256 MB).
pub struct InsertStream<'c> {
    connection: &'c mut Connection,
    stream: Handle,
    open: bool,
}

impl<'c> InsertStream<'c> {
    pub(super) fn start(
        connection: &'c mut Connection,
        sql: &[u8],
        format: &str,
        bound: &BoundParameters<'_>,
    ) -> Result<Self, Exception> {
        // The connection stays borrowed mutably for as long as the insert is open.
        let stream = bound.start(connection.library.symbols.insert, connection, sql, format);
        if stream.is_null() {
            return Err(Exception::parse("the engine opened no insert"));
        }
        let mut insertion = Self { connection, stream, open: true };
        match insertion.error() {
            Some(exception) => {
                insertion.open = false;
                Err(exception)
            }
            None => Ok(insertion),
        }
    }

    /// Gives the engine a further chunk; blocks while it is behind. `false`: it takes no more, [`Self::finish`] says why.
    pub fn append(&mut self, chunk: &[u8]) -> bool {
        // SAFETY: the stream is open; the engine reads the chunk during the call only.
        unsafe {
            (self.connection.library.symbols.insert_append)(self.stream, chunk.as_ptr(), chunk.len()) == 0
        }
    }

    /// Writes everything and returns once it is on disk (with `fsync_after_insert`) and visible.
    pub fn finish(mut self) -> Result<Outcome, Exception> {
        self.open = false;
        let library = self.connection.library;
        // SAFETY: the stream is open and is finished once; it is destroyed on drop, after the result has been read.
        let result = unsafe { (library.symbols.insert_done)(self.stream) };
        Finished::new(library, result).outcome()
    }

    fn error(&self) -> Option<Exception> {
        // SAFETY: the stream is not destroyed yet; the string is copied.
        let said = text(unsafe { (self.connection.library.symbols.insert_error)(self.stream) })?;
        (!said.is_empty()).then(|| Exception::parse(&said))
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        let symbols = &self.connection.library.symbols;
        // SAFETY: cancelled only while open, destroyed once, here.
        unsafe {
            if self.open {
                (symbols.insert_cancel)(self.stream);
            }
            (symbols.insert_destroy)(self.stream);
        }
    }
}
