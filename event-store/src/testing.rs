//! A ClickHouse for a test: a process of its own with a folder and a port of its own, gone when dropped.
//!
//! It runs the program, as the engine cannot be had twice in one process and confines the process that has it.

use footfall_daemon::ready;
use std::ffi::OsString;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Names the program where it cannot be found otherwise.
pub const PROGRAM: &str = "FOOTFALL_EVENT_STORE";

/// How to start an event store, and the temporary folder of its data: whoever keeps this keeps the data.
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    folder: tempfile::TempDir,
    database: String,
    user: String,
    further: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Launch {
    /// In a new folder, with the database `test` and the user `test`. The program is the one that `FOOTFALL_EVENT_STORE`
    /// names, or lies beside the running test (where cargo builds it in a workspace), or is found on the PATH.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            program: find(std::env::var_os(PROGRAM), std::env::current_exe().ok().as_deref()),
            folder: tempfile::Builder::new().prefix("event-store-").tempdir()?,
            database: "test".into(),
            user: "test".into(),
            further: Vec::new(),
            environment: Vec::new(),
        })
    }

    /// Runs this program.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Makes this database, and takes it where a statement names none.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = name.into();
        self
    }

    /// The user who may write.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = name.into();
        self
    }

    /// Further arguments, as `event-store --help` lists them. Those given last win.
    #[must_use]
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.further.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// A variable of its environment, beside those of the test.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The folder that holds everything: `data`, `password` and `log`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command that [`Self::start`] runs.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--listen", "127.0.0.1:0", "--drain-seconds", "1"])
            .args(["--database", &self.database, "--user", &self.user])
            .arg("--data")
            .arg(self.folder().join("data"))
            .arg("--password-file")
            .arg(self.folder().join("password"))
            .args(&self.further)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Result<EventStore, LaunchError> {
        let mut command = self.command();
        let log = std::fs::File::create(self.folder().join("log"))?;
        // Its input is a pipe that ends with this process, however that ends: then so does the child.
        command.arg("--until-eof").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command
            .spawn()
            .map_err(|source| LaunchError::Program { program: self.program.clone(), source })?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or(LaunchError::Unready(String::new()))?);
        if let Ok(Ready { url, .. }) = ready::read(&mut stdout) {
            return Ok(EventStore { child, url, launch: Some(self) });
        }
        // It has ended, or says what it never should: either way it is not wanted any more.
        let _ = child.kill();
        child.wait()?;
        Err(LaunchError::Unready(std::fs::read_to_string(self.folder().join("log"))?))
    }
}

/// What a READY line says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Ready {
    /// The process that serves.
    pub pid: u32,
    /// Where it answers.
    pub url: String,
}

fn find(named: Option<OsString>, running: Option<&Path>) -> PathBuf {
    const NAME: &str = "event-store";
    if let Some(named) = named {
        return named.into();
    }
    // A test lies in `target/PROFILE/deps`, programs one above.
    let folders = running.into_iter().flat_map(|running| running.ancestors().skip(1).take(2));
    folders.map(|folder| folder.join(NAME)).find(|path| path.is_file()).unwrap_or_else(|| NAME.into())
}

/// A running event store.
#[derive(Debug)]
pub struct EventStore {
    child: Child,
    url: String,
    /// Taken by what ends it on purpose.
    launch: Option<Launch>,
}

impl EventStore {
    /// Starts one in a new folder.
    pub fn start() -> Result<Self, LaunchError> {
        Launch::new()?.start()
    }

    fn launch(&self) -> &Launch {
        self.launch.as_ref().expect("it is taken only by what takes the whole")
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database of statements that name none.
    pub fn database(&self) -> &str {
        &self.launch().database
    }

    /// The user who may write.
    pub fn user(&self) -> &str {
        &self.launch().user
    }

    /// That user's password, made at the first start.
    pub fn password(&self) -> io::Result<String> {
        Ok(std::fs::read_to_string(self.folder().join("password"))?.trim_end().to_owned())
    }

    /// The folder of its data, password and log.
    pub fn folder(&self) -> &Path {
        self.launch().folder()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its end: of itself, or by a signal that it was sent. What is given starts it again with the same data.
    pub fn ended(mut self) -> io::Result<(ExitStatus, Launch)> {
        let status = self.child.wait()?;
        let launch = self.launch.take().expect("not yet taken");
        Ok((status, launch))
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(mut self) -> io::Result<(ExitStatus, Launch)> {
        drop(self.child.stdin.take());
        self.ended()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) -> io::Result<Launch> {
        self.child.kill()?;
        Ok(self.ended()?.1)
    }
}

impl Drop for EventStore {
    fn drop(&mut self) {
        // It may have ended already; either way nothing of it stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why an event store did not start. Permanent, but for a machine that is out of something.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such program, or it cannot be run.
    #[error(
        "cannot run {program}: {source} (build it with cargo build -p footfall-event-store, or name it in FOOTFALL_EVENT_STORE)"
    )]
    Program {
        /// What was tried.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It ended before it was ready; what it said.
    #[error("the event store did not become ready: {0}")]
    Unready(String),
    /// Its folder cannot be used.
    #[error("cannot use the event store's folder: {0}")]
    Folder(#[from] io::Error),
}

#[cfg(test)]
mod a_launch {
    use super::*;

    #[test]
    fn finds_the_program_beside_the_test_that_runs() {
        let target = tempfile::tempdir().expect("temp dir");
        let program = target.path().join("event-store");
        let test = target.path().join("deps/some-test");
        assert_eq!(find(None, Some(&test)), Path::new("event-store"), "on the PATH");
        std::fs::write(&program, "").expect("written");
        assert_eq!(find(None, Some(&test)), program);
        assert_eq!(find(Some("/elsewhere".into()), Some(&test)), Path::new("/elsewhere"));
    }

    #[test]
    fn without_a_program_says_what_to_do() {
        let launch = Launch::new().expect("a folder").program("/nowhere/event-store");
        let error = launch.start().expect_err("no program").to_string();
        assert!(error.contains("/nowhere/event-store") && error.contains("cargo build"), "{error}");
    }
}
