//! The symbols of `libchdb.so`, and loading them.
//!
//! The package carries no header: the prototypes here follow the exported `chdb_*` symbols of 26.7.3.

use super::writes;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};

pub(super) type Handle = *mut c_void;
type Names = *const *const c_char;
type Lengths = *const usize;

/// Starts a statement: connection, text, format, and the names and values of parameters.
pub(super) type Starter = unsafe extern "C" fn(
    Handle,
    *const u8,
    usize,
    *const u8,
    usize,
    Names,
    Lengths,
    Names,
    Lengths,
    usize,
) -> Handle;

/// What a statement does, by the engine's own parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Reads only.
    ReadOnly,
    /// Changes a table or the schema of a database.
    Mutating,
    /// Changes what is global: users, functions.
    MutatingGlobal,
    /// SET, USE, SYSTEM, KILL, BACKUP, INTO OUTFILE, INSERT INTO FUNCTION.
    Control,
    /// Does not parse.
    Unknown,
}

/// What [`super::Connection::classify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified {
    /// Statements in the text.
    pub count: u32,
    /// The widest class among them.
    pub class: Class,
}

#[repr(C)]
pub(super) struct Analysis {
    pub(super) size: u32,
    pub(super) count: u32,
    pub(super) flags: u32,
    pub(super) class: u32,
}

macro_rules! symbols {
    ($($field:ident = $name:literal: $type:ty;)*) => {
        pub(super) struct Symbols { $(pub(super) $field: $type,)* }

        impl Symbols {
            fn resolve(library: &libloading::Library, path: &Path) -> Result<Self, LoadError> {
                Ok(Self { $($field: {
                    // SAFETY: the type is the prototype of the exported C function of this name, and the library is
                    // never unloaded, so the pointer copied out of the symbol stays valid.
                    *unsafe { library.get::<$type>($name) }.map_err(|source| LoadError::Symbol {
                        path: path.to_owned(),
                        symbol: $name,
                        reason: source.to_string(),
                    })?
                },)* })
            }
        }
    };
}

symbols! {
    connect = "chdb_connect": unsafe extern "C" fn(c_int, *const *const c_char) -> *mut Handle;
    close = "chdb_close_conn": unsafe extern "C" fn(*mut Handle);
    set_signal_handlers = "chdb_set_signal_handlers_enabled": unsafe extern "C" fn(c_int);
    version = "chdb_version": unsafe extern "C" fn() -> *const c_char;
    classify = "chdb_classify_query_n":
        unsafe extern "C" fn(Handle, *const u8, usize, *const u8, usize, *mut Analysis) -> c_int;
    query = "chdb_query_with_params_n": Starter;
    stream_query = "chdb_stream_query_with_params_n": Starter;
    stream_fetch = "chdb_stream_fetch_result": unsafe extern "C" fn(Handle, Handle) -> Handle;
    stream_cancel = "chdb_stream_cancel_query": unsafe extern "C" fn(Handle, Handle);
    insert = "chdb_stream_insert_with_params_n": Starter;
    insert_error = "chdb_stream_insert_error": unsafe extern "C" fn(Handle) -> *const c_char;
    insert_append = "chdb_stream_append": unsafe extern "C" fn(Handle, *const u8, usize) -> c_int;
    insert_done = "chdb_stream_done": unsafe extern "C" fn(Handle) -> Handle;
    insert_cancel = "chdb_stream_cancel_insert": unsafe extern "C" fn(Handle);
    insert_destroy = "chdb_destroy_insert_stream": unsafe extern "C" fn(Handle);
    result_buffer = "chdb_result_buffer": unsafe extern "C" fn(Handle) -> *const u8;
    result_length = "chdb_result_length": unsafe extern "C" fn(Handle) -> usize;
    result_error = "chdb_result_error": unsafe extern "C" fn(Handle) -> *const c_char;
    result_rows = "chdb_result_rows_read": unsafe extern "C" fn(Handle) -> u64;
    result_bytes = "chdb_result_bytes_read": unsafe extern "C" fn(Handle) -> u64;
    storage_rows = "chdb_result_storage_rows_read": unsafe extern "C" fn(Handle) -> u64;
    storage_bytes = "chdb_result_storage_bytes_read": unsafe extern "C" fn(Handle) -> u64;
    rows_written = "chdb_result_rows_written": unsafe extern "C" fn(Handle) -> u64;
    bytes_written = "chdb_result_bytes_written": unsafe extern "C" fn(Handle) -> u64;
    result_destroy = "chdb_destroy_query_result": unsafe extern "C" fn(Handle);
}

/// The loaded engine. Lives as long as the process: engine threads run in it, so it is never unloaded.
pub struct Library {
    pub(super) symbols: Symbols,
}

impl Library {
    /// Loads the library and keeps it from taking over the process's signals.
    pub fn load(path: &Path) -> Result<&'static Self, LoadError> {
        let failed = |reason: String| LoadError::Open { path: path.to_owned(), reason };
        if !path.is_file() {
            return Err(failed("there is no such file".into()));
        }
        if !writes::are_interposed() {
            return Err(LoadError::NotInterposed);
        }
        // SAFETY: loading runs the library's initialisers; it is the engine that the caller names, and nothing else of
        // this process depends on state that they could change.
        let library = unsafe { libloading::Library::new(path) }.map_err(|error| failed(error.to_string()))?;
        let symbols = Symbols::resolve(&library, path)?;
        std::mem::forget(library);
        // SAFETY: takes a flag by value; called before the first connection, as the library asks.
        unsafe { (symbols.set_signal_handlers)(0) };
        Ok(Box::leak(Box::new(Self { symbols })))
    }

    /// The library's version, like `26.7.3`.
    pub fn version(&self) -> String {
        // SAFETY: takes nothing and returns a static string or null.
        text(unsafe { (self.symbols.version)() }).unwrap_or_default()
    }
}

/// Makes `dir` the process's working directory and home, so that the engine picks up no stray configuration, and blanks
/// what the process was given as its environment: the kernel shows that memory in /proc, whatever is set later.
///
/// To be called by `main` before any other thread exists.
pub fn isolate_environment(dir: &Path) -> std::io::Result<()> {
    std::env::set_current_dir(dir)?;
    // A name that begins with `=` can be given, but not set.
    let given: Vec<_> =
        std::env::vars_os().filter(|(name, _)| !name.as_encoded_bytes().contains(&b'=')).collect();
    let mut strings = Vec::new();
    // SAFETY: no other thread exists yet, so nothing changes the environment meanwhile; `environ` is a list of C strings
    // that ends in null, or null itself.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            strings.push((*entry, CStr::from_ptr(*entry).to_bytes().len()));
            entry = entry.add(1);
        }
    }
    for (name, value) in given.into_iter().chain([("HOME".into(), dir.into())]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the engine reads the environment from C; one thread exists"
        )]
        // SAFETY: no other thread exists yet. The C library copies each value, so nothing points to the old strings.
        unsafe {
            std::env::set_var(name, value);
        };
    }
    for (string, length) in strings {
        // SAFETY: the process's own writable memory, of this length, that the lines above left unused.
        unsafe { std::ptr::write_bytes(string, 0, length) };
    }
    Ok(())
}

unsafe extern "C" {
    static environ: *const *mut c_char;
}

/// A C string that the library owns, copied.
pub(super) fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and the library's strings end in NUL and stay valid until the result that carries them is
    // destroyed, which the caller has not done yet.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// Why the engine could not be loaded. Permanent: the file has to be replaced.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A build that lost its export of `write`: the engine would acknowledge what a full disk did not take.
    #[error(
        "this program was linked so that failing writes of the engine would go unseen: build it with its build.rs"
    )]
    NotInterposed,
    /// The file is missing or is no loadable library.
    #[error("cannot load {path}: {reason}: run cargo xtask doctor")]
    Open {
        /// The file tried.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The file is another version's, or something else.
    #[error("{path} lacks {symbol} ({reason}): run cargo xtask doctor")]
    Symbol {
        /// The file tried.
        path: PathBuf,
        /// The function not found.
        symbol: &'static str,
        /// What the loader says.
        reason: String,
    },
}
