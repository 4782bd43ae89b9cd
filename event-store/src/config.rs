//! The command line, and what a start needs from it. Everything is checked here, before anything is taken or bound.

use crate::credentials::{Credentials, PasswordError};
use crate::layout::{Layout, default_memory};
use clap::Parser;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where `cargo xtask` keeps the library, below the user's cache folder.
const CACHED: &str = "footfall/chdb-26.7.3-stable.1/libchdb.so";

/// The embedded ClickHouse: serves ClickHouse's HTTP interface on loopback.
#[derive(Debug, Clone, Parser)]
#[command(name = "event-store", version, args_override_self = true)]
pub struct Arguments {
    /// Folder of all its data.
    #[arg(long)]
    pub data: PathBuf,
    /// Loopback address to serve on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8123")]
    pub listen: SocketAddr,
    /// libchdb.so; without it the one that `cargo xtask doctor` has fetched.
    #[arg(long, env = "FOOTFALL_LIBCHDB")]
    pub library: Option<PathBuf>,
    /// Database made at start, and the one of requests that name none.
    #[arg(long, default_value = "footfall")]
    pub database: String,
    /// User who may write.
    #[arg(long, default_value = "footfall")]
    pub user: String,
    /// File of that user's password; made with a random one if missing. It must lie outside the data folder.
    #[arg(long)]
    pub password_file: PathBuf,
    /// Further host names that requests may use for this server.
    #[arg(long = "name")]
    pub names: Vec<String>,
    /// Bytes of memory for all statements together (default: half of the machine's).
    #[arg(long)]
    pub max_memory: Option<u64>,
    /// NAME=VALUE for `getMacro('NAME')` and `{NAME}` in DDL, such as shard=0.
    #[arg(long = "macro", value_name = "NAME=VALUE")]
    pub macros: Vec<String>,
    /// Statements that may run at once without a password.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub readers: u16,
    /// Statements that write which may run at once with it.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub writers: u16,
    /// Statements that only read which may run at once with it.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub own_readers: u16,
    /// Seconds that a statement may wait while all threads are taken.
    #[arg(long, default_value_t = 10)]
    pub queue_seconds: u64,
    /// Seconds that requests under way get to end when the server is stopped.
    #[arg(long, default_value_t = 10)]
    pub drain_seconds: u64,
    /// Stop when standard input ends.
    #[arg(long)]
    pub until_eof: bool,
    /// Find what a start would find, change nothing, and exit.
    #[arg(long)]
    pub check: bool,
    /// How it logs.
    #[command(flatten)]
    pub log: footfall_daemon::trace::LogArguments,
}

/// A configuration that can be started.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder and what the engine is told.
    pub layout: Layout,
    /// Where to serve.
    pub listen: SocketAddr,
    /// The library.
    pub library: PathBuf,
    /// Who may write.
    pub user: String,
    /// Their password's file.
    pub password_file: PathBuf,
    /// Further host names.
    pub names: Vec<String>,
    /// Threads without password.
    pub readers: usize,
    /// Threads with it, for what writes.
    pub writers: usize,
    /// Threads with it, for what reads.
    pub own_readers: usize,
    /// How long a statement may wait for one of them.
    pub queue_time: Duration,
    /// How long a stop waits for requests under way.
    pub drain: Duration,
    /// Stop when standard input ends.
    pub until_eof: bool,
}

impl Config {
    /// Checks the arguments. Changes nothing.
    pub fn resolve(arguments: Arguments) -> Result<Self, Invalid> {
        if !arguments.listen.ip().is_loopback() {
            return Err(Invalid::Listen(arguments.listen));
        }
        if !is_identifier(&arguments.database) || ["default", "system"].contains(&arguments.database.as_str())
        {
            return Err(Invalid::Database(arguments.database));
        }
        if arguments.user.is_empty() || arguments.user == "default" {
            return Err(Invalid::User(arguments.user));
        }
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|source| Invalid::Path { path: path.to_owned(), source })
        };
        let data = absolute(&arguments.data)?;
        let password_file = absolute(&arguments.password_file)?;
        if password_file.starts_with(&data) {
            return Err(Invalid::PasswordInData { path: password_file });
        }
        Credentials::check_file(&password_file)?;
        let library = match arguments.library {
            Some(library) => absolute(&library)?,
            None => {
                cached(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")).ok_or_else(|| {
                    Invalid::Library("no --library is given and there is no home folder".into())
                })?
            }
        };
        if !library.is_file() {
            return Err(Invalid::Library(format!("there is no {}", library.display())));
        }
        let max_memory = arguments
            .max_memory
            .unwrap_or_else(|| default_memory(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()));
        if max_memory < 256 << 20 {
            return Err(Invalid::Memory(max_memory));
        }
        let macros = arguments.macros.into_iter().map(|given| match given.split_once('=') {
            Some((name, value)) if is_identifier(name) && is_plain(value) => {
                Ok((name.to_owned(), value.to_owned()))
            }
            _ => Err(Invalid::Macro(given)),
        });
        let macros = macros.collect::<Result<_, _>>()?;
        Ok(Self {
            layout: Layout { data, database: arguments.database, max_memory, macros },
            listen: arguments.listen,
            library,
            user: arguments.user,
            password_file,
            names: arguments.names,
            readers: arguments.readers.into(),
            writers: arguments.writers.into(),
            own_readers: arguments.own_readers.into(),
            queue_time: Duration::from_secs(arguments.queue_seconds),
            drain: Duration::from_secs(arguments.drain_seconds),
            until_eof: arguments.until_eof,
        })
    }
}

fn cached(cache: Option<std::ffi::OsString>, home: Option<std::ffi::OsString>) -> Option<PathBuf> {
    let folder = match (cache, home) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        _ => return None,
    };
    Some(folder.join(CACHED))
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Letters, digits and what stands between them in names: nothing that means something in XML, SQL or a path.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 64
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// What is wrong with a configuration, in one sentence. Permanent until it is changed.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Not a loopback address.
    #[error("--listen {0} is no loopback address: the embedded ClickHouse serves this machine only")]
    Listen(SocketAddr),
    /// Not a name that can stand in grants.
    #[error("--database {0:?} must be an identifier other than default and system")]
    Database(String),
    /// Not a name that a client could give.
    #[error("--user {0:?} must be a name other than default")]
    User(String),
    /// The engine could read it.
    #[error("the password file {path} must lie outside the data folder, where statements could read it")]
    PasswordInData {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// No engine.
    #[error("libchdb.so is not there ({0}): run cargo xtask doctor")]
    Library(String),
    /// No name with a value.
    #[error("--macro {0:?} must be NAME=VALUE, an identifier and a word")]
    Macro(String),
    /// Too little to start the engine.
    #[error("--max-memory {0} is less than 268435456 bytes")]
    Memory(u64),
    /// A relative path without a working directory.
    #[error("cannot make {path} absolute: {source}")]
    Path {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod a_configuration {
    use super::*;

    fn resolve(further: &[&str]) -> Result<Config, String> {
        let base = ["event-store", "--data", "/nowhere/data", "--password-file", "/nowhere/password"];
        let here = ["--library", file!()];
        let library = if further.contains(&"--library") { &[] } else { here.as_slice() };
        let arguments = Arguments::try_parse_from(base.iter().chain(library).chain(further))
            .map_err(|e| e.to_string())?;
        // The tests run in the package's folder, `file!()` is relative to the workspace's.
        let library = arguments.library.clone().map(|path| Path::new("..").join(path));
        Config::resolve(Arguments { library, ..arguments }).map_err(|error| error.to_string())
    }

    #[test]
    fn has_defaults() {
        let config = resolve(&[]).expect("valid");
        assert_eq!((config.user.as_str(), config.layout.database.as_str()), ("footfall", "footfall"));
        assert_eq!(config.listen.to_string(), "127.0.0.1:8123");
        assert!(config.layout.max_memory >= 1 << 30);
    }

    #[test]
    fn is_refused_with_one_sentence() {
        for (arguments, sentence) in [
            (vec!["--listen", "0.0.0.0:8123"], "loopback"),
            (vec!["--database", "a b"], "identifier"),
            (vec!["--database", "default"], "identifier"),
            (vec!["--user", "default"], "--user"),
            (vec!["--library", "/nowhere/libchdb.so"], "run cargo xtask doctor"),
            (vec!["--max-memory", "1"], "--max-memory"),
            (vec!["--readers", "0"], "--readers"),
            (vec!["--macro", "shard"], "--macro"),
            (vec!["--macro", "shard=</x>"], "--macro"),
            (vec!["--nonsense"], "--nonsense"),
        ] {
            let refusal = resolve(&arguments).expect_err("invalid");
            assert!(refusal.contains(sentence), "{arguments:?}: {refusal}");
        }
    }

    #[test]
    fn keeps_the_password_away_from_statements() {
        let arguments = Arguments::try_parse_from(
            ["event-store", "--data", "/d", "--password-file", "/d/password", "--library", "/l"].iter(),
        )
        .expect("parses");
        assert!(matches!(Config::resolve(arguments), Err(Invalid::PasswordInData { .. })));
    }

    #[test]
    fn finds_the_fetched_library() {
        let found = cached(None, Some("/home/u".into())).expect("a home");
        assert_eq!(found, Path::new("/home/u/.cache/footfall/chdb-26.7.3-stable.1/libchdb.so"));
        assert_eq!(cached(Some("/c".into()), None), Some(Path::new("/c").join(CACHED)));
        assert_eq!(cached(None, None), None);
    }
}
