//! A running SELECT, fetched chunk by chunk: memory holds one chunk, however large the result.

use super::Exception;
use super::connection::{BoundParameters, Connection, Finished, Outcome};
use super::library::{Handle, text};

/// A streamed result. Dropping it early cancels the statement; the connection is usable again then.
pub struct SelectStream<'c> {
    connection: &'c mut Connection,
    stream: Handle,
    ended: bool,
}

impl<'c> SelectStream<'c> {
    pub(super) fn start(
        connection: &'c mut Connection,
        sql: &[u8],
        format: &str,
        bound: &BoundParameters<'_>,
    ) -> Result<Self, Exception> {
        let library = connection.library;
        // The connection stays borrowed mutably for as long as the stream lives, so no other statement can run on it and end
        // the stream.
        let stream = bound.start(library.symbols.stream_query, connection, sql, format);
        let error = if stream.is_null() {
            None
        } else {
            // SAFETY: not null, and only read; the string is copied before the result is destroyed.
            text(unsafe { (library.symbols.result_error)(stream) })
        };
        match error {
            None if stream.is_null() => Err(Exception::parse("the engine gave no result")),
            Some(said) if !said.is_empty() => {
                drop(Finished::new(library, stream));
                Err(Exception::parse(&said))
            }
            _ => Ok(Self { connection, stream, ended: false }),
        }
    }

    /// The next chunk; `None` at the end. Formats with a header repeat it in every chunk.
    pub fn fetch(&mut self) -> Result<Option<Outcome>, Exception> {
        if self.ended {
            return Ok(None);
        }
        let library = self.connection.library;
        // SAFETY: the stream is alive and belongs to this connection, which nothing else uses meanwhile.
        let result = unsafe { (library.symbols.stream_fetch)(self.connection.handle(), self.stream) };
        let chunk = Finished::new(library, result).outcome();
        self.ended = chunk.as_ref().map_or(true, |chunk| chunk.bytes.is_empty());
        chunk.map(|chunk| (!chunk.bytes.is_empty()).then_some(chunk))
    }
}

impl Drop for SelectStream<'_> {
    fn drop(&mut self) {
        let symbols = &self.connection.library.symbols;
        // SAFETY: the stream is destroyed once, here; cancelling one that has ended does nothing.
        unsafe {
            if !self.ended {
                (symbols.stream_cancel)(self.connection.handle(), self.stream);
            }
            (symbols.result_destroy)(self.stream);
        }
    }
}
