//! A running `event-store` for one test: own folder, own port, ended when dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server under test.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    folder: Folder,
}

/// Where a server's data lives: kept across restarts.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("temp dir"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The program with the arguments that every test needs.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_event-store"));
        command
            .args(["--listen", "127.0.0.1:0", "--database", "store", "--user", "writer"])
            .arg("--data")
            .arg(self.path().join("data"))
            .arg("--password-file")
            .arg(self.password_file())
            .env("SECRET_OF_ITS_PARENT", "TOPSECRET")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.path().join("password")
    }

    pub(crate) fn start(self) -> Server {
        self.start_with(&[])
    }

    pub(crate) fn start_with(self, arguments: &[&str]) -> Server {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let url = ready(&mut child);
        Server { child, url, folder: self }
    }
}

/// Waits for the READY line; gives the URL in it.
pub(crate) fn ready(child: &mut Child) -> String {
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("readable");
    let Some(json) = line.strip_prefix("READY ") else {
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("readable");
        panic!("the event store did not start: {said}");
    };
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON after READY");
    assert_eq!(json["pid"], child.id());
    json["url"].as_str().expect("a url").to_owned()
}

impl Server {
    pub(crate) fn start() -> Self {
        Folder::new().start()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn password(&self) -> String {
        std::fs::read_to_string(self.folder.password_file()).expect("made at start").trim().to_owned()
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
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
    pub(crate) fn curl(&self, query: &str, arguments: &[&str]) -> Said {
        let user = format!("writer:{}", self.password());
        self.anyone(query, &[&["-u", &user], arguments].concat())
    }

    /// `curl` without.
    pub(crate) fn anyone(&self, query: &str, arguments: &[&str]) -> Said {
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
        Said::from(output)
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
        let status = within("the server's end", || self.child.try_wait().expect("waited"));
        let folder = std::mem::replace(&mut self.folder, Folder::new());
        (status.code(), folder)
    }

    /// Ends it as a power loss would, as far as the process is concerned.
    pub(crate) fn killed(self) -> Folder {
        self.signal("KILL");
        self.ended().1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way nothing of it stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What curl saw.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
    /// curl's own exit code: 18 when a body breaks off.
    pub(crate) code: Option<i32>,
}

impl Said {
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

impl From<Output> for Said {
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

/// Asks again and again until there is an answer.
pub(crate) fn within<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
