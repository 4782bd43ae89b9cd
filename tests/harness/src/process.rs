//! A program that runs beside a test: started, ready, killed or ended in order. Knows nothing of what it is.

use std::io::{self, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use footfall_daemon::ready;
use serde_json::Value;

/// How long a program may take to be ready.
const START: Duration = Duration::from_mins(2);
/// How long it may take to end.
const END: Duration = Duration::from_secs(40);
/// Between two looks at whether it has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    ready: Value,
}

impl Process {
    /// Starts it and waits for its READY line. Its standard input is a pipe that stays open; what else it prints is read and dropped.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let child = spawned.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut process = Self { child, ready: Value::Null };
        let mut output = BufReader::new(process.child.stdout.take().expect("stdout was piped"));
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            if send.send(ready::read(&mut output)).is_ok() {
                // A child that writes into a closed pipe would be ended by the system.
                io::copy(&mut output, &mut io::sink())
            } else {
                Ok(0)
            }
        });
        process.ready = match receive.recv_timeout(START) {
            Ok(Ok(ready)) => ready,
            Ok(Err(error)) => panic!("{command:?}: {error}"),
            Err(error) => panic!("{command:?} was not ready within {START:?}: {error}"),
        };
        process
    }

    /// A text of its READY line.
    #[must_use]
    pub fn said(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap_or_else(|| panic!("no text {key} in {}", self.ready))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }

    /// Closes its standard input, which tells it to end, and waits until it has.
    pub fn finish(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + END;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not end within {END:?}");
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The soft limit of open files that [`with_few_descriptors`] begins with.
const FEW: &str = "64";

/// The same command, begun with few descriptors of the many that it may have.
#[must_use]
pub fn with_few_descriptors(command: &Command) -> Command {
    limited(command, &format!("-S -n {FEW}"))
}

/// The same command, which may never have more descriptors than these.
#[must_use]
pub fn with_at_most_descriptors(command: &Command, most: u32) -> Command {
    limited(command, &format!("-n {most}"))
}

fn limited(command: &Command, limit: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\""));
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Whether such a process has raised its soft limit of open files to the hard one.
#[must_use]
pub fn has_many_descriptors(pid: u32) -> bool {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let open_files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut words = open_files.unwrap_or_default().split_whitespace();
    let (soft, hard) = (words.next(), words.next());
    soft.is_some() && soft == hard && soft != Some(FEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_is_there_once_it_says_so_and_ends_with_its_input() {
        let process = Process::start(&mut shell(r#"echo starting; echo 'READY {"url":"x"}'; cat; exit 7"#));
        assert_eq!(process.said("url"), "x");
        assert_eq!(process.finish().code(), Some(7));
    }

    #[test]
    fn output_after_the_ready_line_does_not_stop_it() {
        let process = Process::start(&mut shell("echo 'READY {}'; seq 1 100000; exit 3"));
        assert_eq!(process.finish().code(), Some(3));
    }

    #[test]
    #[should_panic(expected = "no room")]
    fn a_program_that_ends_before_it_is_ready_fails_the_test_with_what_it_said() {
        let _ = Process::start(&mut shell("echo no room; exit 1"));
    }
}
