//! A running SELECT, fetched piece by piece: memory holds one piece, however large the result.

use super::Fault;
use super::connection::{Bound, Connection, Finished, Outcome};
use super::library::{Handle, text};

/// A streamed result. Dropping it early cancels the statement; the connection is usable again then.
pub struct Selection<'c> {
    connection: &'c mut Connection,
    stream: Handle,
    ended: bool,
}

impl<'c> Selection<'c> {
    pub(super) fn start(
        connection: &'c mut Connection,
        sql: &[u8],
        format: &str,
        bound: &Bound<'_>,
    ) -> Result<Self, Fault> {
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
            None if stream.is_null() => Err(Fault::parse("the engine gave no result")),
            Some(said) if !said.is_empty() => {
                drop(Finished::new(library, stream));
                Err(Fault::parse(&said))
            }
            _ => Ok(Self { connection, stream, ended: false }),
        }
    }

    /// The next piece; `None` at the end. Formats with a header repeat it in every piece.
    pub fn fetch(&mut self) -> Result<Option<Outcome>, Fault> {
        if self.ended {
            return Ok(None);
        }
        let library = self.connection.library;
        // SAFETY: the stream is alive and belongs to this connection, which nothing else uses meanwhile.
        let result = unsafe { (library.symbols.stream_fetch)(self.connection.handle(), self.stream) };
        let piece = Finished::new(library, result).outcome();
        self.ended = piece.as_ref().map_or(true, |piece| piece.bytes.is_empty());
        piece.map(|piece| (!piece.bytes.is_empty()).then_some(piece))
    }
}

impl Drop for Selection<'_> {
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
