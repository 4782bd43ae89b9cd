//! `services`: the real servers behind the seams, each a process of its own on this machine: Kafka, PostgreSQL, Redis, S3, two shards
//! of ClickHouse, and Druid with ZooKeeper. They outlive the command that starts them; another one finds them again and ends them.

mod clickhouse;
mod client;
mod druid;
mod held;
mod java;
mod kafka;
mod layout;
mod memory;
mod postgresql;
mod process;
mod redis;
mod report;
mod s3;
mod server;
mod zookeeper;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use footfall_daemon::lock::Lock;
use footfall_daemon::ready;
use footfall_daemon::stop::{self, Also};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::authority::{Authority, Leaf};
use crate::doctor::{self, Adding, Need};
use crate::ports::Block;
use crate::{compile, place};
pub(crate) use held::Held;
use layout::{Layout, Ports};
use server::{Server, Started};

/// The user that clients log in as, everywhere.
const USER: &str = "footfall";
/// The database of PostgreSQL and ClickHouse.
const DATABASE: &str = "footfall";
/// How servers on this machine are reached.
const HERE: &[&str] = &["127.0.0.1", "localhost"];
/// Who has a certificate. Kafka's controller and the parts of the S3 server are their own clients.
const LEAVES: &[Leaf] = &[
    Leaf { name: "kafka", reached_as: HERE, usages: &[ServerAuth, ClientAuth] },
    Leaf { name: "postgresql", reached_as: HERE, usages: &[ServerAuth] },
    Leaf { name: "s3", reached_as: HERE, usages: &[ServerAuth, ClientAuth] },
    Leaf { name: "redis", reached_as: HERE, usages: &[ServerAuth] },
];
/// How long to wait for another command on the same folder: it may be starting everything.
const LOCK_PATIENCE: Duration = Duration::from_mins(5);

/// Run the real servers: Kafka, PostgreSQL, Redis, an S3 server, two shards of ClickHouse, and Druid with ZooKeeper.
#[derive(Args)]
pub(crate) struct Services {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start them, or those that are named and not running, and leave them running; DIR/services.json says where they are.
    Up(Start),
    /// End them, or those that are named. Their data stays.
    Down(Which),
    /// Ask each whether it answers.
    Status(Which),
}

#[derive(Args)]
struct Which {
    /// kafka, postgresql, redis, s3, clickhouse, druid [default: all]
    names: Vec<String>,
    /// The folder that holds all their state [default: .footfall/services in the workspace].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// JSON on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Start {
    #[command(flatten)]
    which: Which,
    /// At the folder's first start, take ports that are free instead of the usual ones, for several sets at once.
    #[arg(long)]
    free_ports: bool,
    /// Run the event store that was built before instead of building it.
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    adding: Adding,
    /// Stay, print `READY {json}` once they run, and end them at the end of stdin, at Ctrl-C or at SIGTERM.
    #[arg(long)]
    until_eof: bool,
}

/// What every server's preparation may look at.
struct Context {
    layout: Layout,
    ports: Ports,
    authority: Authority,
    /// Where `event-store` lies.
    binaries: PathBuf,
}

impl Services {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Up(start) => start.run(),
            Verb::Down(which) => which.down(),
            Verb::Status(which) => which.status(),
        }
    }
}

impl Which {
    fn layout(&self) -> anyhow::Result<Layout> {
        let usual = || place::root().join(".footfall").join("services");
        Layout::of(&self.data.clone().unwrap_or_else(usual))
    }

    fn down(&self) -> anyhow::Result<()> {
        let servers = Server::named(&self.names)?;
        let layout = self.layout()?;
        let Some(context) = Context::existing(layout)? else { return Ok(()) };
        let report = context.down(&servers)?;
        if self.json {
            println!("{report}");
        }
        Ok(())
    }

    fn status(&self) -> anyhow::Result<()> {
        let servers = Server::named(&self.names)?;
        let context = Context::existing(self.layout()?)?;
        let mut silent = 0;
        let mut rows = Vec::new();
        for server in servers {
            let process = context.as_ref().and_then(|context| server.recorded(&context.layout));
            let state = match (&context, process) {
                (Some(context), Some(process)) if process.is_running() => server
                    .ask(context)
                    .err()
                    .map_or("answers".to_owned(), |error| format!("does not answer: {error:#}")),
                (_, Some(_)) => "died".to_owned(),
                _ => "is not running".to_owned(),
            };
            silent += usize::from(state != "answers");
            let pid = process.map(|process| process.pid);
            let log = context.as_ref().map(|context| context.layout.log(server.name));
            if !self.json {
                println!(
                    "{:<17} {state}{}",
                    server.name,
                    pid.map_or(String::new(), |pid| format!(" ({pid})"))
                );
            }
            rows.push(serde_json::json!({"name": server.name, "state": state, "pid": pid, "log": log}));
        }
        if self.json {
            println!("{}", Value::Array(rows));
        }
        anyhow::ensure!(silent == 0, "{silent} of these services do not answer");
        Ok(())
    }
}

impl Start {
    fn run(&self) -> anyhow::Result<()> {
        let servers = Server::named(&self.which.names)?;
        doctor::add(&[Need::Services], self.adding)?;
        if !self.no_build && servers.iter().any(|server| server.group == "clickhouse") {
            compile::event_store()?;
        }
        let layout = self.which.layout()?;
        layout.create()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let signals =
            runtime.block_on(async { stop::watch(Also { end_of_input: self.until_eof, hangup: true }) })?;
        // Held while we stay: a server that is killed finds its port free when it comes back.
        let (context, _claim) = Context::ensure(layout, self.free_ports)?;
        let (ours, report) = context.up(&servers, &signals.drain);
        if !self.until_eof {
            let report = report?;
            if self.which.json {
                println!("{report}");
            } else {
                println!("{}", context.layout.report().display());
            }
            return Ok(());
        }
        let told = report.and_then(|report| {
            ready::print(&report)?;
            runtime.block_on(signals.drain.cancelled());
            Ok(())
        });
        // Those too that somebody else has started again meanwhile, but not those that ran before.
        context.down(&ours)?;
        told
    }
}

impl Context {
    fn ensure(layout: Layout, free_ports: bool) -> anyhow::Result<(Self, Option<Block>)> {
        let (ports, claim) = Ports::ensure(&layout, free_ports)?;
        let authority = Authority::ensure(&layout.authority(), LEAVES, OffsetDateTime::now_utc())?;
        Ok((Self { layout, ports, authority, binaries: place::binaries(false)? }, claim))
    }

    /// `None` when nothing was ever started there.
    fn existing(layout: Layout) -> anyhow::Result<Option<Self>> {
        if Ports::read(&layout).is_none() {
            return Ok(None);
        }
        Ok(Some(Self::ensure(layout, false)?.0))
    }

    fn lock(&self) -> anyhow::Result<Lock> {
        Lock::take(&self.layout.lock(), LOCK_PATIENCE)?.with_context(|| {
            format!(
                "another `cargo xtask services` has been busy on {} for {LOCK_PATIENCE:?}",
                self.layout.data.display()
            )
        })
    }

    /// Starts all of them at once. Answers which of them were not running, and what stands in services.json now. What does
    /// not start keeps nothing else from running; told to stop, it ends what it started.
    fn up(
        &self,
        servers: &[&'static Server],
        stop: &CancellationToken,
    ) -> (Vec<&'static Server>, anyhow::Result<Value>) {
        let _lock = match self.lock() {
            Ok(lock) => lock,
            Err(error) => return (vec![], Err(error)),
        };
        if let Some(warning) = memory::warning(servers, &self.layout) {
            eprintln!("warning: {warning}");
        }
        let outcomes = at_once(servers, |server| server.up(self, stop));
        let pairs = servers.iter().zip(&outcomes);
        let ours: Vec<_> = pairs
            .filter(|(_, outcome)| !matches!(outcome, Ok(Started::Before)))
            .map(|(server, _)| *server)
            .collect();
        let report = (|| {
            if stop.is_cancelled() {
                ours.iter().try_for_each(|server| server.down(&self.layout))?;
            }
            let report = report::rewrite(self)?;
            anyhow::ensure!(!stop.is_cancelled(), "told to stop while the services were starting");
            let failures: Vec<String> =
                outcomes.into_iter().filter_map(|outcome| Some(format!("{:#}", outcome.err()?))).collect();
            anyhow::ensure!(failures.is_empty(), "{}", failures.join("\n"));
            Ok(report)
        })();
        (ours, report)
    }

    fn down(&self, servers: &[&Server]) -> anyhow::Result<Value> {
        let _lock = self.lock()?;
        let (last, first): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.ends_last);
        let end = |server: &Server| {
            server.down(&self.layout).with_context(|| format!("{} cannot be ended", server.name))
        };
        let outcomes = [at_once(&first, end), at_once(&last, end)];
        let report = report::rewrite(self)?;
        outcomes.into_iter().flatten().collect::<anyhow::Result<Vec<()>>>()?;
        Ok(report)
    }
}

/// The same for all of them, in threads.
fn at_once<T: Send>(
    servers: &[&Server],
    act: impl Fn(&Server) -> anyhow::Result<T> + Sync,
) -> Vec<anyhow::Result<T>> {
    let act = &act;
    std::thread::scope(|scope| {
        let threads: Vec<_> = servers.iter().map(|server| scope.spawn(move || act(server))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<T>>| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread of this command panicked")))
        };
        threads.into_iter().map(join).collect()
    })
}
