//! One connection of the engine: statements run on it one after the other, each to its end.
//!
//! Settings, `USE` and temporary tables stay with a connection until it is closed; who reuses one must know that.

use super::library::{Analysis, Class, Classified, Handle, Library, Starter, text};
use super::{Exception, InsertStream, Parameter, SelectStream};
use bytes::Bytes;
use std::ffi::{CString, c_char, c_int};

/// A connection. Not shareable: the engine allows one statement on it at a time, and so does `&mut`.
pub struct Connection {
    pub(super) library: &'static Library,
    slot: *mut Handle,
}

// SAFETY: the engine ties a connection to no thread; what it forbids is two calls at once, and those need `&mut self`.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens one. All connections of a process must name the same `--path`.
    pub fn open(library: &'static Library, arguments: &[String]) -> Result<Self, OpenError> {
        let owned: Vec<CString> = std::iter::once("clickhouse")
            .chain(arguments.iter().map(String::as_str))
            .map(|argument| {
                CString::new(argument).map_err(|_| OpenError::Argument(argument.replace('\0', "\\0")))
            })
            .collect::<Result<_, _>>()?;
        let pointers: Vec<*const c_char> = owned.iter().map(|argument| argument.as_ptr()).collect();
        // SAFETY: `pointers` holds as many C strings as the count says; the library copies them during the call.
        let slot = unsafe { (library.symbols.connect)(pointers.len() as c_int, pointers.as_ptr()) };
        if slot.is_null() { Err(OpenError::Refused) } else { Ok(Self { library, slot }) }
    }

    pub(super) fn handle(&self) -> Handle {
        // SAFETY: `slot` is the non-null pointer that `chdb_connect` returned; it is freed only in `drop`.
        unsafe { *self.slot }
    }

    /// What the engine's parser makes of a text. Runs nothing.
    pub fn classify(&mut self, sql: &[u8]) -> Classified {
        let mut found = Analysis { size: size_of::<Analysis>() as u32, count: 0, flags: 0, class: 4 };
        // SAFETY: the pointer and length describe `sql`; a null default database is allowed; `found` is written during
        // the call only and carries its own size, as the interface wants.
        let code = unsafe {
            (self.library.symbols.classify)(
                self.handle(),
                sql.as_ptr(),
                sql.len(),
                std::ptr::null(),
                0,
                &raw mut found,
            )
        };
        let class = match (code, found.class) {
            (0, 0) => Class::ReadOnly,
            (0, 1) => Class::Mutating,
            (0, 2) => Class::MutatingGlobal,
            (0, 3) => Class::Control,
            _ => Class::Unknown,
        };
        Classified { count: found.count, class }
    }

    /// Runs any one statement and keeps its whole result in memory.
    ///
    /// After an error of a large result the engine holds what it had made of it until the connection is closed.
    pub fn query(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &[Parameter],
    ) -> Result<Outcome, Exception> {
        let bound = BoundParameters::new(parameters);
        let result = bound.start(self.library.symbols.query, self, sql, format);
        Finished::new(self.library, result).outcome()
    }

    /// Starts a SELECT whose result is fetched chunk by chunk.
    pub fn select(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &[Parameter],
    ) -> Result<SelectStream<'_>, Exception> {
        SelectStream::start(self, sql, format, &BoundParameters::new(parameters))
    }

    /// Starts an INSERT whose data is handed over chunk by chunk. `sql` carries no FORMAT clause and no data.
    pub fn insert(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &[Parameter],
    ) -> Result<InsertStream<'_>, Exception> {
        InsertStream::start(self, sql, format, &BoundParameters::new(parameters))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: `slot` came from `chdb_connect` and is closed once, here; statements borrow the connection, so none
        // is running.
        unsafe { (self.library.symbols.close)(self.slot) }
    }
}

/// Parameters laid out as the C interface wants them. Borrows what it points to.
pub(super) struct BoundParameters<'p> {
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
    _parameters: std::marker::PhantomData<&'p [Parameter]>,
}

impl<'p> BoundParameters<'p> {
    fn new(parameters: &'p [Parameter]) -> Self {
        Self {
            names: parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: parameters.iter().map(|(_, value)| value.len()).collect(),
            _parameters: std::marker::PhantomData,
        }
    }

    /// Calls one of the library's three functions that start a statement. What it gives is the caller's to destroy.
    pub(super) fn start(
        &self,
        starter: Starter,
        connection: &mut Connection,
        sql: &[u8],
        format: &str,
    ) -> Handle {
        // SAFETY: every pointer and length describes memory that outlives the call (`sql`, `format`, what `self` borrows),
        // and the exclusive borrow keeps any other call off this connection meanwhile.
        unsafe {
            starter(
                connection.handle(),
                sql.as_ptr(),
                sql.len(),
                format.as_ptr(),
                format.len(),
                self.names.as_ptr(),
                self.name_lengths.as_ptr(),
                self.values.as_ptr(),
                self.value_lengths.as_ptr(),
                self.names.len(),
            )
        }
    }
}

/// What a statement gave.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The result in the asked format; empty for statements without one.
    pub bytes: Bytes,
    /// What it took.
    pub progress: Progress,
}

/// What a statement read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows of the result.
    pub result_rows: u64,
    /// Bytes of the result's blocks (not of its text).
    pub result_bytes: u64,
    /// Rows read from tables.
    pub read_rows: u64,
    /// Bytes read from tables.
    pub read_bytes: u64,
    /// Rows written, those of materialized views included.
    pub written_rows: u64,
    /// Bytes written, likewise.
    pub written_bytes: u64,
}

impl std::ops::AddAssign for Progress {
    /// Each chunk of a result tells only its own part.
    fn add_assign(&mut self, further: Self) {
        self.result_rows += further.result_rows;
        self.result_bytes += further.result_bytes;
        self.read_rows += further.read_rows;
        self.read_bytes += further.read_bytes;
        self.written_rows += further.written_rows;
        self.written_bytes += further.written_bytes;
    }
}

/// A result of the library, owned: destroyed once, when dropped.
pub(super) struct Finished {
    library: &'static Library,
    result: Handle,
}

// SAFETY: a finished result is plain memory that belongs to no connection and no thread any more.
unsafe impl Send for Finished {}

impl Finished {
    pub(super) fn new(library: &'static Library, result: Handle) -> Self {
        Self { library, result }
    }

    pub(super) fn outcome(self) -> Result<Outcome, Exception> {
        if self.result.is_null() {
            return Err(Exception::parse("the engine gave no result"));
        }
        let symbols = &self.library.symbols;
        // SAFETY: the result is not null and not destroyed before `self` is dropped; these calls only read it.
        let (error, progress) = unsafe {
            (
                text((symbols.result_error)(self.result)),
                Progress {
                    result_rows: (symbols.result_rows)(self.result),
                    result_bytes: (symbols.result_bytes)(self.result),
                    read_rows: (symbols.storage_rows)(self.result),
                    read_bytes: (symbols.storage_bytes)(self.result),
                    written_rows: (symbols.rows_written)(self.result),
                    written_bytes: (symbols.bytes_written)(self.result),
                },
            )
        };
        match error {
            Some(said) if !said.is_empty() => Err(Exception::parse(&said)),
            _ => Ok(Outcome { bytes: Bytes::from_owner(self), progress }),
        }
    }
}

impl AsRef<[u8]> for Finished {
    fn as_ref(&self) -> &[u8] {
        let symbols = &self.library.symbols;
        // SAFETY: as in `outcome`; buffer and length belong together and live as long as the result does.
        unsafe {
            let (buffer, length) =
                ((symbols.result_buffer)(self.result), (symbols.result_length)(self.result));
            if buffer.is_null() || length == 0 { &[] } else { std::slice::from_raw_parts(buffer, length) }
        }
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if !self.result.is_null() {
            // SAFETY: owned, and destroyed once, here.
            unsafe { (self.library.symbols.result_destroy)(self.result) }
        }
    }
}

/// Why no connection could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Permanent: an argument cannot be passed on.
    #[error("an engine argument contains a NUL byte: {0}")]
    Argument(String),
    /// The library gives its reason on standard error only. Permanent, unless another process holds the data.
    #[error("the engine refused to start; its reason stands above on standard error")]
    Refused,
}
