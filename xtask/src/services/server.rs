//! The table of servers: what each is called, how it is prepared, asked and ended; and the life that all of them share.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use super::layout::{Layout, Ports, S3_PORTS};
use super::process::{Ending, Launch, Process};
use super::{Context, clickhouse, druid, kafka, postgresql, redis, s3, zookeeper};
use crate::file::tail;
use crate::ports::is_free;

/// From the process's start until it answers; recovery after a crash included.
const START: Duration = Duration::from_mins(3);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);
/// How long what a killed server left behind may stand in the way of its next start: PostgreSQL's children hold its memory
/// until they notice.
const LINGER: Duration = Duration::from_secs(15);
/// Until an ended server is killed.
const END: Duration = Duration::from_secs(30);

/// One process of the services.
pub(super) struct Server {
    /// Its folder, its log and its line.
    pub(super) name: &'static str,
    /// What a person calls it, and its section in services.json.
    pub(super) group: &'static str,
    ports: fn(&Ports) -> Vec<u16>,
    /// Writes settings, makes the folder once, and says how to start it.
    prepare: fn(&Context) -> anyhow::Result<Launch>,
    /// Asks it something that only a server in good health can answer.
    ask: fn(&Context) -> anyhow::Result<()>,
    /// What must be there before anybody uses it; repeating it changes nothing.
    settle: Option<fn(&Context) -> anyhow::Result<()>>,
    /// How it ends best.
    end: Signal,
    /// Whether others of its group can only end while it runs.
    pub(super) ends_last: bool,
    /// What it takes, MiB, soon after its start.
    pub(super) memory: u64,
}

const fn druid(
    part: &'static druid::Part,
    ports: fn(&Ports) -> Vec<u16>,
    prepare: fn(&Context) -> anyhow::Result<Launch>,
    ask: fn(&Context) -> anyhow::Result<()>,
    memory: u64,
) -> Server {
    let (settle, end, ends_last) = (None, Signal::TERM, false);
    Server { name: part.name, group: "druid", ports, prepare, ask, settle, end, ends_last, memory }
}

pub(super) const SERVERS: &[Server] = &[
    Server {
        name: "kafka",
        group: "kafka",
        ports: |ports| vec![ports.kafka, ports.kafka_controller],
        prepare: kafka::prepare,
        ask: kafka::ask,
        settle: None,
        end: Signal::TERM,
        ends_last: false,
        memory: 345,
    },
    Server {
        name: "postgresql",
        group: "postgresql",
        ports: |ports| vec![ports.postgresql],
        prepare: postgresql::prepare,
        ask: postgresql::ask,
        settle: Some(postgresql::settle),
        // Its fast shutdown; SIGTERM would wait for clients.
        end: Signal::INT,
        ends_last: false,
        memory: 60,
    },
    Server {
        name: "redis",
        group: "redis",
        ports: |ports| vec![ports.redis],
        prepare: redis::prepare,
        ask: redis::ask,
        settle: None,
        end: Signal::TERM,
        ends_last: false,
        memory: 20,
    },
    Server {
        name: "s3",
        group: "s3",
        ports: |ports| (ports.s3..ports.s3 + S3_PORTS).collect(),
        prepare: s3::prepare,
        ask: s3::ask,
        settle: Some(s3::settle),
        // SIGTERM takes it 20 s, in which it answers wrongly; its data is right after SIGKILL.
        end: Signal::KILL,
        ends_last: false,
        memory: 150,
    },
    Server {
        name: "clickhouse-0",
        group: "clickhouse",
        ports: |ports| vec![ports.clickhouse[0]],
        prepare: |context| clickhouse::prepare(context, "clickhouse-0", 0),
        ask: |context| clickhouse::ask(context, 0),
        settle: None,
        end: Signal::TERM,
        ends_last: false,
        memory: 350,
    },
    Server {
        name: "clickhouse-1",
        group: "clickhouse",
        ports: |ports| vec![ports.clickhouse[1]],
        prepare: |context| clickhouse::prepare(context, "clickhouse-1", 1),
        ask: |context| clickhouse::ask(context, 1),
        settle: None,
        end: Signal::TERM,
        ends_last: false,
        memory: 350,
    },
    druid(
        &druid::COORDINATOR,
        |ports| vec![ports.druid.coordinator, ports.druid.derby],
        |context| druid::prepare(context, &druid::COORDINATOR),
        |context| druid::ask(context, &druid::COORDINATOR),
        310,
    ),
    druid(
        &druid::BROKER,
        |ports| vec![ports.druid.broker],
        |context| druid::prepare(context, &druid::BROKER),
        |context| druid::ask(context, &druid::BROKER),
        350,
    ),
    druid(
        &druid::HISTORICAL,
        |ports| vec![ports.druid.historical],
        |context| druid::prepare(context, &druid::HISTORICAL),
        |context| druid::ask(context, &druid::HISTORICAL),
        280,
    ),
    druid(
        &druid::INDEXER,
        |ports| vec![ports.druid.indexer],
        |context| druid::prepare(context, &druid::INDEXER),
        |context| druid::ask(context, &druid::INDEXER),
        420,
    ),
    Server {
        name: "zookeeper",
        group: "druid",
        ports: |ports| vec![ports.druid.zookeeper],
        prepare: zookeeper::prepare,
        ask: zookeeper::ask,
        settle: None,
        end: Signal::TERM,
        ends_last: true,
        memory: 100,
    },
];

/// What `up` found or did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Started {
    Now,
    Before,
}

impl Server {
    /// Those that a person means: no name means all.
    pub(super) fn named(names: &[String]) -> anyhow::Result<Vec<&'static Self>> {
        let known = |name: &String| SERVERS.iter().any(|server| server.is_called(name));
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            anyhow::bail!(
                "there is no service {unknown}: there are kafka, postgresql, redis, s3, clickhouse and druid"
            );
        }
        let meant = |server: &&Self| names.is_empty() || names.iter().any(|name| server.is_called(name));
        Ok(SERVERS.iter().filter(meant).collect())
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.group == name
    }

    /// The process that it was when it was last started; it may have died.
    pub(super) fn recorded(&self, layout: &Layout) -> Option<Process> {
        Process::recorded(&layout.process(self.name))
    }

    pub(super) fn ask(&self, context: &Context) -> anyhow::Result<()> {
        (self.ask)(context)
    }

    /// Starts it unless it runs, and returns once it answers. The error is one sentence with the end of its log.
    pub(super) fn up(&self, context: &Context, stop: &CancellationToken) -> anyhow::Result<Started> {
        let log = context.layout.log(self.name);
        let fail = |error: anyhow::Error| {
            let (name, end) = (self.name, tail(&log, 8));
            anyhow::anyhow!(
                "{name} cannot be started: {error:#}; the end of its log {}:\n{end}",
                log.display()
            )
        };
        if self.recorded(&context.layout).is_some_and(Process::is_running) {
            until(self.ask, context, Instant::now() + START, stop, || Ok(())).map_err(fail)?;
            eprintln!("{}: is running", self.name);
            return Ok(Started::Before);
        }
        let begun = Instant::now();
        eprintln!("{}: starting", self.name);
        self.start(context, stop).map_err(fail)?;
        if let Some(settle) = self.settle {
            until(settle, context, Instant::now() + START, stop, || Ok(())).map_err(fail)?;
        }
        eprintln!("{}: ready after {:.1} s", self.name, begun.elapsed().as_secs_f64());
        Ok(Started::Now)
    }

    fn start(&self, context: &Context, stop: &CancellationToken) -> anyhow::Result<()> {
        let launch = (self.prepare)(context)?;
        // What was fetched until here takes as long as it takes.
        let begun = Instant::now();
        loop {
            let first = Instant::now();
            while let Some(taken) = (self.ports)(&context.ports).into_iter().find(|port| !is_free(*port)) {
                anyhow::ensure!(
                    first.elapsed() < LINGER,
                    "port {taken} on 127.0.0.1 is taken by another program (--free-ports with a new --data avoids it)"
                );
                std::thread::sleep(PAUSE);
            }
            let record = context.layout.process(self.name);
            let (_, ended) = Process::start(&launch, &context.layout.log(self.name), &record)?;
            let mut died = None;
            let answered = until(self.ask, context, begun + START, stop, || match ended.try_recv() {
                Ok(how) => {
                    died = Some(how.map_or_else(|error| error.to_string(), |status| status.to_string()));
                    anyhow::bail!("it ended at its start")
                }
                Err(_) => Ok(()),
            });
            match died {
                Some(_) if begun.elapsed() < LINGER && !stop.is_cancelled() => std::thread::sleep(PAUSE * 5),
                Some(how) => anyhow::bail!("it ended at its start ({how})"),
                None => return answered,
            }
        }
    }

    /// Ends it, if it runs, and forgets it.
    pub(super) fn down(&self, layout: &Layout) -> anyhow::Result<()> {
        let Some(process) = self.recorded(layout) else { return Ok(()) };
        if process.end(self.end, END)? == Ending::Killed {
            eprintln!("{}: did not end within {END:?} and was killed", self.name);
        } else {
            eprintln!("{}: ended", self.name);
        }
        std::fs::remove_file(layout.process(self.name))?;
        Ok(())
    }
}

/// Asks again and again until the answer is good.
fn until(
    question: fn(&Context) -> anyhow::Result<()>,
    context: &Context,
    deadline: Instant,
    stop: &CancellationToken,
    mut still: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    loop {
        still()?;
        let Err(error) = question(context) else { return Ok(()) };
        anyhow::ensure!(!stop.is_cancelled(), "told to stop");
        if Instant::now() > deadline {
            return Err(error.context(format!("it gave no good answer within {START:?}")));
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_a_server_a_group_or_nothing() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Server::named(&names).map(|servers| servers.iter().map(|server| server.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), SERVERS.len());
        assert_eq!(names(&["clickhouse", "redis"]).unwrap(), ["redis", "clickhouse-0", "clickhouse-1"]);
        assert_eq!(names(&["clickhouse-1"]).unwrap(), ["clickhouse-1"]);
        assert!(names(&["mysql"]).unwrap_err().to_string().contains("there is no service mysql"));
    }
}
