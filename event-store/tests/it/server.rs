//! A running `event-store` for one test: own folder, own port, ended when dropped.

use footfall_daemon::ready;
use footfall_event_store::testing::{EventStore, Launch, Ready};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// How long a test waits for anything; the machine may be busy.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A server under test.
pub(crate) struct Server {
    store: EventStore,
    pub(crate) url: String,
}

/// Where a server's data lives: kept across restarts.
pub(crate) struct Folder(Launch);

impl Folder {
    pub(crate) fn new() -> Self {
        let launch = Launch::new().expect("a folder").program(env!("CARGO_BIN_EXE_event-store"));
        let launch = launch.database("store").user("writer").variable("SECRET_OF_ITS_PARENT", "TOPSECRET");
        // What is given later wins: the program's own patience at its end, rather than a test's.
        Self(launch.arguments(["--drain-seconds", "10"]))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.folder()
    }

    /// The program with the arguments that every test needs.
    pub(crate) fn command(&self) -> Command {
        self.0.command()
    }

    /// Where the server keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.path().join("password")
    }

    /// A variable of the server's environment.
    pub(crate) fn variable(self, name: &str, value: &Path) -> Self {
        Self(self.0.variable(name, value))
    }

    /// The same folder for another program, which runs this one.
    pub(crate) fn running(self, program: &Path) -> Self {
        Self(self.0.program(program))
    }

    pub(crate) fn start(self) -> Server {
        self.start_with(&[])
    }

    pub(crate) fn start_with(self, arguments: &[&str]) -> Server {
        let store = self.0.arguments(arguments).start().expect("it starts");
        Server { url: store.url().to_owned(), store }
    }
}

/// Waits for the READY line; gives the URL in it.
pub(crate) fn ready(child: &mut Child) -> String {
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let Ok(ready) = ready::read::<Ready>(&mut stdout) else {
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("readable");
        panic!("the event store did not start: {said}");
    };
    assert_eq!(ready.pid, child.id());
    ready.url
}

impl Server {
    pub(crate) fn start() -> Self {
        Folder::new().start()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.store.pid()
    }

    pub(crate) fn password(&self) -> String {
        self.store.password().expect("made at start")
    }

    /// Where its password is.
    pub(crate) fn password_file(&self) -> PathBuf {
        self.store.folder().join("password")
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.store.folder().join("data")
    }

    /// A client of the `clickhouse` crate that may write.
    pub(crate) fn writer(&self) -> clickhouse::Client {
        self.reader().with_user("writer").with_password(self.password())
    }

    /// One that may not.
    pub(crate) fn reader(&self) -> clickhouse::Client {
        clickhouse::Client::default().with_url(&self.url).with_database("store")
    }

    /// `curl` with the user and password.
    pub(crate) fn curl(&self, query: &str, arguments: &[&str]) -> Response {
        let user = format!("writer:{}", self.password());
        self.curl_as_reader(query, &[&["-u", &user], arguments].concat())
    }

    /// `curl` without.
    pub(crate) fn curl_as_reader(&self, query: &str, arguments: &[&str]) -> Response {
        let output = Command::new("curl")
            .args([
                "-sS",
                "--max-time",
                "60",
                "-o",
                "-",
                "-D",
                "/dev/stderr",
                "-w",
                "%{stderr}status: %{http_code}",
            ])
            .args(arguments)
            .arg(format!("{}/{query}", self.url))
            .output()
            .expect("curl is installed");
        Response::from(output)
    }

    /// Runs a statement as the writer; it must succeed.
    pub(crate) fn run(&self, sql: &str) -> String {
        let said = self.curl("", &["--data-binary", sql]);
        assert_eq!(said.status, 200, "{sql}: {}", said.body);
        said.body
    }

    /// Bytes of memory that are the process's own now.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") << 10
    }

    /// Sends a signal by the shell's own `kill`.
    pub(crate) fn signal(&self, signal: &str) {
        let killed = Command::new("kill").args([&format!("-{signal}"), &self.pid().to_string()]).status();
        assert!(killed.expect("kill runs").success());
    }

    /// Waits for the end; gives the exit code and the folder.
    pub(crate) fn ended(mut self) -> (Option<i32>, Folder) {
        wait_until("the server's end", || self.store.has_ended().expect("waited").then_some(()));
        let (status, launch) = self.store.ended().expect("waited");
        (status.code(), Folder(launch))
    }

    /// Ends it as a power loss would, as far as the process is concerned.
    pub(crate) fn killed(self) -> Folder {
        Folder(self.store.kill().expect("killed"))
    }
}

/// The response that curl received.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
    /// curl's own exit code: 18 when a body breaks off.
    pub(crate) code: Option<i32>,
}

impl Response {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// ClickHouse's code in the header, 0 if there is none.
    pub(crate) fn exception(&self) -> i32 {
        self.header("x-clickhouse-exception-code").map_or(0, |code| code.parse().expect("a number"))
    }
}

impl From<Output> for Response {
    fn from(output: Output) -> Self {
        let headers = String::from_utf8_lossy(&output.stderr).into_owned();
        let status =
            headers.rsplit("status: ").next().and_then(|status| status.trim().parse().ok()).unwrap_or(0);
        let body = String::from_utf8_lossy(&output.stdout).into_owned();
        Self { status, headers, body, bytes: output.stdout, code: output.status.code() }
    }
}

/// The numbers below `end`, one a line.
pub(crate) fn lines(end: u64) -> String {
    (0..end).fold(String::new(), |text, number| text + &number.to_string() + "\n")
}

/// Polls until there is an answer.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "timed out waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
