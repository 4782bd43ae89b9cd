//! Starting and stopping.

use crate::server::{Folder, Server, TIMEOUT, ready, wait_until};
use footfall_event_store::testing::Ready;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

#[test]
fn ends_cleanly_when_told_and_keeps_everything() {
    let mut folder = Folder::new();
    for signal in ["TERM", "INT"] {
        let server = folder.start();
        server.run("CREATE TABLE IF NOT EXISTS t (a UInt64) ENGINE = MergeTree ORDER BY a");
        server.run("INSERT INTO t VALUES (1)");
        server.signal(signal);
        let (code, kept) = server.ended();
        assert_eq!(code, Some(0), "{signal}");
        folder = kept;
    }
    assert_eq!(folder.start().run("SELECT count() FROM t"), "2\n");
}

#[test]
fn lets_a_statement_under_way_end_first() {
    let server = Server::start();
    std::thread::scope(|scope| {
        let under_way = scope.spawn(|| server.curl_as_reader("", &["-d", "SELECT sleep(3), 'whole'"]));
        let listed =
            "SELECT count() FROM system.processes WHERE query LIKE '%whole%' AND query NOT LIKE '%LIKE%'";
        wait_until("it to run", || (server.run(listed) == "1\n").then_some(()));
        server.signal("TERM");
        assert_eq!(under_way.join().expect("answered").body, "0\twhole\n");
    });
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn ends_even_if_a_statement_does_not() {
    let server = Folder::new().start_with(&["--drain-seconds", "1"]);
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    std::thread::scope(|scope| {
        let sql = "INSERT INTO t SELECT max(cityHash64(number)) FROM numbers(1000000000000)";
        scope.spawn(|| server.curl("", &["--data-binary", sql]));
        let listed = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT%'";
        wait_until("it to run", || (server.run(listed) == "1\n").then_some(()));
        server.signal("TERM");
    });
    let started = Instant::now();
    let (code, folder) = server.ended();
    assert!(
        code == Some(0) && started.elapsed() < Duration::from_secs(15),
        "{code:?} {:?}",
        started.elapsed()
    );
    assert_eq!(folder.start().run("SELECT count() FROM t"), "0\n");
}

#[test]
fn ends_with_its_standard_input() {
    let folder = Folder::new();
    let mut command = folder.command();
    command.arg("--until-eof").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    ready(&mut child);
    drop(child.stdin.take());
    let status = wait_until("its end", || child.try_wait().expect("waited"));
    assert_eq!(status.code(), Some(0));
}

/// A server that is to wait for another one. What it says on standard error is read as it comes.
struct Successor {
    child: Child,
    stderr: Receiver<String>,
    /// Where it serves, and when it said so.
    ready: Receiver<(String, Instant)>,
}

impl Successor {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
        let (line, stderr) = mpsc::channel();
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::spawn(move || {
            // Whoever does not listen any more has seen enough.
            errors.lines().map_while(Result::ok).all(|text| line.send(text).is_ok());
        });
        let (tell, ready) = mpsc::channel();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            if let Ok(Ready { url, .. }) = footfall_daemon::ready::read(&mut output) {
                // A test that has failed does not listen any more.
                let _ = tell.send((url, Instant::now()));
            }
        });
        Self { child, stderr, ready }
    }

    /// Waits until it has met the other one and says that it waits.
    fn waits(&self) {
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains("waiting for another process")) {
            said.push(
                self.stderr.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("it does not wait: {said:?}")),
            );
        }
        assert!(self.ready.try_recv().is_err(), "it is ready though the other one is there");
    }

    /// Waits until it serves; gives where, and when it said so.
    fn ready(&self) -> (String, Instant) {
        self.ready
            .recv_timeout(TIMEOUT)
            .unwrap_or_else(|_| panic!("it does not start: {:?}", self.stderr.try_iter().collect::<Vec<_>>()))
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn waits_until_its_predecessor_has_left_the_port() {
    let server = Server::start();
    let address = server.url.trim_start_matches("http://").to_owned();
    let other = Folder::new();
    let mut command = other.command();
    command.args(["--listen", &address]);
    let successor = Successor::start(command);
    successor.waits();
    drop(server.killed());
    assert_eq!(successor.ready().0, format!("http://{address}"));
}

#[test]
fn waits_until_its_predecessor_has_left_the_folder() {
    let server = Server::start();
    server.run("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    let other = Folder::new();
    let mut command = other.command();
    // A second `--data` wins: the folder is the first one's, the password file is not.
    command.arg("--data").arg(server.data());
    let successor = Successor::start(command);
    successor.waits();
    // The first one takes two seconds to end, for as long as this statement runs: the other must not open its data meanwhile.
    std::thread::scope(|scope| {
        let under_way = scope.spawn(|| server.curl_as_reader("", &["-d", "SELECT sleep(2), 'whole'"]));
        let listed =
            "SELECT count() FROM system.processes WHERE query LIKE '%whole%' AND query NOT LIKE '%LIKE%'";
        wait_until("it to run", || (server.run(listed) == "1\n").then_some(()));
        server.signal("TERM");
        assert_eq!(under_way.join().expect("answered").body, "0\twhole\n");
        let answered = Instant::now();
        let (_, ready) = successor.ready();
        assert!(ready > answered, "it was ready {:?} before the other one had ended", answered - ready);
    });
    drop(server.ended());
}

#[test]
fn refuses_what_it_cannot_do_in_one_sentence() {
    let folder = Folder::new();
    let inside = folder.path().join("data/password");
    let inside = inside.to_str().expect("text");
    let in_the_way = folder.path().join("file");
    std::fs::write(&in_the_way, "").expect("written");
    let below = in_the_way.join("data");
    let below = below.to_str().expect("text");
    for (arguments, sentence) in [
        (vec!["--listen", "0.0.0.0:0"], "no loopback address"),
        (vec!["--database", "a-b"], "identifier"),
        (vec!["--library", "/nowhere/libchdb.so"], "run cargo xtask doctor"),
        (vec!["--password-file", inside], "outside the data folder"),
        (vec!["--data", below], "`--data` needs"),
        (vec!["--log", "loud"], "--log"),
        (vec!["--nonsense"], "--nonsense"),
    ] {
        for check in [false, true] {
            let mut command = folder.command();
            command.args(&arguments).args(check.then_some("--check"));
            let output = command.output().expect("runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
            assert!(said.lines().count() == 1 && said.contains(sentence), "{arguments:?}: {said}");
        }
    }
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = held.local_addr().expect("bound").to_string();
    let output = folder.command().args(["--check", "--listen", &address]).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(64) && said.contains(&address) && said.contains("end it"), "{said}");
    let checked = folder.command().arg("--check").output().expect("runs");
    assert_eq!((checked.status.code(), checked.stdout.len()), (Some(0), 0));
    assert!(!folder.path().join("data").exists() && !folder.password_file().exists());

    let wrong = folder.path().join("wrong.so");
    std::fs::write(&wrong, "no library").expect("written");
    let output = folder.command().arg("--library").arg(&wrong).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("run cargo xtask doctor"), "{said}");
}

#[test]
fn leaves_the_engines_reason_on_standard_error() {
    let folder = Folder::new();
    let engine = folder.path().join("data/engine");
    std::fs::create_dir_all(&engine).expect("made");
    // A folder where the engine wants its own lock file.
    std::fs::create_dir(engine.join("status")).expect("made");
    let mut command = folder.command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let status = wait_until("its end", || child.try_wait().expect("waited"));
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("readable");
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the engine refused to start") && said.contains("Code: "), "{said}");
}
