//! Runs test programs as cargo would, several at once, and prints what each said, whole. What runs beside what is the queue's.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::build::Program;
use super::cost::{Cost, cpu_time};
use super::queue::{Next, Queue};
use super::tally::Tally;

/// What every program is given.
pub(super) struct Given<'a> {
    /// Part of a name, then what follows `--`.
    pub(super) arguments: &'a [String],
    pub(super) environment: &'a [(&'static str, std::ffi::OsString)],
}

/// How one program ended.
pub(super) struct Outcome {
    pub(super) package: String,
    pub(super) name: String,
    pub(super) cost: Cost,
    pub(super) tally: Tally,
    /// What is wrong, if something is.
    pub(super) fault: Option<String>,
}

impl Outcome {
    /// What is wrong, as one sentence, if something is.
    pub(super) fn sentence(&self) -> Option<String> {
        self.fault.as_ref().map(|fault| format!("{} of {}: {fault}", self.name, self.package))
    }
}

/// Runs all of them, at most `most` at once. What they say goes to `out`: whole when each has ended, or as it comes when there is
/// only one.
pub(super) fn run(
    programs: Vec<Program>,
    given: &Given<'_>,
    most: usize,
    out: &Mutex<impl Write + Send>,
) -> Vec<Outcome> {
    let at_once = programs.len() == 1;
    let queue = Mutex::new(Queue::new(programs, most, |program| program.alone));
    let changed = Condvar::new();
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        while let Some(program) = wait_for_turn(&queue, &changed) {
            let outcome = program.run(given, at_once, out);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
            queue.lock().unwrap_or_else(PoisonError::into_inner).ended();
            changed.notify_all();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..most.max(1) {
            scope.spawn(work);
        }
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn wait_for_turn(queue: &Mutex<Queue<Program>>, changed: &Condvar) -> Option<Program> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match queue.next() {
            Next::Start(program) => return Some(program),
            Next::Wait => queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Next::Done => return None,
        }
    }
}

impl Program {
    /// How it is run: where and with what cargo would.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        xtask_launch::without_package(&mut command);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder).stdin(Stdio::null());
        command
    }

    fn run(&self, given: &Given<'_>, at_once: bool, out: &Mutex<impl Write>) -> Outcome {
        let begun = Instant::now();
        let mut tally = Tally::default();
        let ended = self.tell(given, at_once, out, &mut tally);
        let mut cost = Cost { wall: begun.elapsed(), cpu: Duration::ZERO };
        let fault = match ended {
            Ok((cpu, status)) => {
                cost.cpu = cpu;
                if tally.lost() > 0 {
                    Some(format!("ended without a result ({status})"))
                } else {
                    (!status.success() || tally.failed > 0)
                        .then(|| format!("{} failed ({status})", tally.failed))
                }
            }
            Err(error) => Some(format!("{error:#}")),
        };
        Outcome { package: self.package.clone(), name: self.name.clone(), cost, tally, fault }
    }

    /// Runs it and prints what it says. Answers its CPU time and how it ended.
    fn tell(
        &self,
        given: &Given<'_>,
        at_once: bool,
        out: &Mutex<impl Write>,
        tally: &mut Tally,
    ) -> anyhow::Result<(Duration, ExitStatus)> {
        let head = format!("\n     Tests {} of {}\n", self.name, self.package);
        let mut output = head.into_bytes();
        let write = |text: &[u8]| out.lock().unwrap_or_else(PoisonError::into_inner).write_all(text);
        let mut said = |line: &[u8]| {
            tally.read(String::from_utf8_lossy(line).trim_end_matches('\n'));
            output.extend_from_slice(line);
            if at_once { write(&std::mem::take(&mut output)) } else { Ok(()) }
        };
        let ended = self.start_and_read(given, &mut said);
        write(&output)?;
        ended
    }

    /// Hands on every line that it says, on stdout or stderr, until all who could say something have ended.
    fn start_and_read(
        &self,
        given: &Given<'_>,
        said: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> anyhow::Result<(Duration, ExitStatus)> {
        let (reader, writer) = std::io::pipe()?;
        let mut child = {
            let mut command = self.command();
            command.args(given.arguments).envs(given.environment.iter().map(|(name, value)| (name, value)));
            command.stdout(writer.try_clone()?).stderr(writer);
            // The command goes with this block, and our ends of the pipe with it.
            command.spawn().with_context(|| format!("could not start {}", self.path.display()))?
        };
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.by_ref().read_until(b'\n', &mut line)? > 0 {
            said(&line)?;
            line.clear();
        }
        // It has ended, and is looked at before it is waited for: then its times are gone.
        let id = Pid::from_child(&child);
        waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
            .with_context(|| format!("{} cannot be waited for", self.name))?;
        let cpu = cpu_time(&child.id().to_string())?;
        Ok((cpu, child.wait()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that says what stands in its folder and ends with the code that stands there.
    fn program(folder: &tempfile::TempDir, name: &str, said: &str, code: u8) -> Program {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("said"), said).unwrap();
        std::fs::write(folder.join("code"), code.to_string()).unwrap();
        Program {
            package: "p".to_owned(),
            name: name.to_owned(),
            unit: false,
            path: "/bin/sh".into(),
            folder,
            services: false,
            alone: false,
        }
    }

    #[test]
    fn every_program_runs_in_its_folder_and_what_is_wrong_with_it_is_said() {
        const GOOD: &str = "running 2 tests\ntest result: ok. 2 passed; 0 failed;\n";
        let folder = tempfile::tempdir().unwrap();
        let programs = vec![
            program(&folder, "good", GOOD, 0),
            program(&folder, "bad", "running 1 test\ntest result: FAILED. 0 passed; 1 failed;\n", 101),
            program(&folder, "crashed", "running 3 tests\n", 134),
            program(&folder, "lying", GOOD, 1),
            Program { path: "/no/such/program".into(), ..program(&folder, "absent", "", 0) },
        ];
        let arguments =
            ["-c".to_owned(), "cat said >&2; test $CARGO_MANIFEST_DIR = $PWD && exit $(cat code)".to_owned()];
        let given = Given { arguments: &arguments, environment: &[] };
        let out = Mutex::new(Vec::new());
        let outcomes = run(programs, &given, 2, &out);
        let mut faults: Vec<_> =
            outcomes.into_iter().map(|outcome| (outcome.name, outcome.tally.passed, outcome.fault)).collect();
        faults.sort();
        let fault = |text: &str| Some(text.to_owned());
        assert_eq!(
            faults,
            [
                (
                    "absent".to_owned(),
                    0,
                    fault("could not start /no/such/program: No such file or directory (os error 2)")
                ),
                ("bad".to_owned(), 0, fault("1 failed (exit status: 101)")),
                ("crashed".to_owned(), 0, fault("ended without a result (exit status: 134)")),
                ("good".to_owned(), 2, None),
                ("lying".to_owned(), 2, fault("0 failed (exit status: 1)")),
            ]
        );
        let text = String::from_utf8(out.into_inner().unwrap()).unwrap();
        assert!(text.contains(&format!("\n     Tests good of p\n{GOOD}")), "{text}");
    }
}
