//! `up`: the whole system on one machine, on embedded defaults or on real servers. Reads top to bottom: prepare, start, announce, keep, stop.

mod announce;
mod layout;
mod ports;
mod probe;
mod process;
mod server;
mod settings;
mod site;
mod tiers;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use footfall_daemon::lock::Lock;
use footfall_daemon::stop::{self, Also};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::authority::{Authority, Leaf};
use crate::doctor::{self, Adding, Need};
use crate::services::Held;
use crate::{beacon, compile, fetch, place, shell};
use announce::Announcer;
use layout::Layout;
use ports::Ports;
use server::Server;
use settings::Override;

/// The demo website's tracking id.
const TRACKING_ID: &str = "FF-DEMO-1";
/// The name in central's certificate that edges check.
const CENTRAL: &str = "central.footfall.internal";
/// The edge's id: common name and DNS name of its certificate.
const EDGE: &str = "edge-1";
/// Who of a run has a certificate.
const LEAVES: &[Leaf] = &[
    Leaf { name: "central", reached_as: &[CENTRAL], usages: &[ServerAuth] },
    Leaf { name: EDGE, reached_as: &[EDGE], usages: &[ClientAuth] },
];
/// How long a start waits for another one on the same folder to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// From the first server's start until a page view can pass through all of it.
const START_PATIENCE: Duration = Duration::from_mins(2);
/// How long each server may drain before it is killed.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// Run the whole system: central with the embedded ClickHouse, one edge and a demo site.
///
/// Prints one line `READY {json}` on stdout once a page view can pass through all of it, and keeps the same JSON in
/// DIR/run.json. Everything else is said on stderr. Ctrl-C or SIGTERM drains and stops all of it.
#[derive(Args)]
pub(crate) struct Up {
    /// The folder that holds all state; a second start keeps it [default: .footfall in the workspace].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take ports that are free instead of the usual ones (8080 to 8083, 8123 and 4433), for several runs at once.
    #[arg(long)]
    free_ports: bool,
    /// Run on the real servers (Kafka, PostgreSQL, Redis, S3, ClickHouse shards) instead of the embedded ones: those of
    /// `cargo xtask services` in DIR/services, started if they are not running.
    #[arg(long)]
    full: bool,
    /// Build and run the servers optimised.
    #[arg(long)]
    release: bool,
    /// Run what was built before instead of building.
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    adding: Adding,
    /// Stop when stdin reaches its end, too.
    #[arg(long)]
    until_eof: bool,
    /// Change one setting of the edge, for example journal.max_bytes=1048576.
    #[arg(long = "edge", value_name = "KEY=VALUE")]
    edge: Vec<Override>,
    /// Change one setting of central.
    #[arg(long = "central", value_name = "KEY=VALUE")]
    central: Vec<Override>,
}

impl Up {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let data = self.data.clone().unwrap_or_else(|| place::root().join(".footfall"));
        let layout = Layout::create(&data)?;
        let _lock = Lock::take(&layout.lock(), LOCK_PATIENCE)?.with_context(|| {
            format!(
                "another `cargo xtask up` is running on {} (since more than {LOCK_PATIENCE:?})",
                layout.data.display()
            )
        })?;
        doctor::add(&self.needs(), self.adding)?;
        if !self.no_build {
            compile::servers(self.release)?;
            beacon::build(place::root())?;
        }
        let services =
            self.full.then(|| Held::start(&layout.services(), self.free_ports, false)).transpose()?;
        let system = self.prepare(layout, services.as_ref().map(Held::report))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let lived = runtime.block_on(system.live());
        // Last, as everything else writes to them until its end.
        services.map_or(Ok(()), Held::end)?;
        lived
    }

    fn needs(&self) -> Vec<Need> {
        let building = (!self.no_build).then_some(Need::Up);
        building.into_iter().chain(self.full.then_some(Need::Services)).collect()
    }

    /// Everything on disk that the servers read: certificates, settings, the demo website.
    fn prepare(self, layout: Layout, services: Option<PathBuf>) -> anyhow::Result<System> {
        let binaries = place::binaries(self.release)?;
        let ports = if self.free_ports { Ports::reserve()? } else { Ports::usual() };
        let inputs = settings::Inputs {
            layout: &layout,
            ports: &ports,
            authority: &Authority::ensure(&layout.authority(), LEAVES, time::OffsetDateTime::now_utc())?,
            engine: fetch::engine()?,
            geo: fetch::geo()?,
            beacon: place::root().join("beacon-wasm").join("dist"),
        };
        let mut central = settings::central(&inputs);
        let services = services.map(tiers::Services::read).transpose()?;
        if let Some(services) = &services {
            services.apply(&mut central)?;
        }
        settings::write(&layout.central_settings(), central, &self.central)?;
        settings::write(&layout.edge_settings(), settings::edge(&inputs), &self.edge)?;
        let website_id = add_demo_website(&binaries.join("central"), &layout)?;
        Ok(System { layout, ports, binaries, services, website_id, until_eof: self.until_eof })
    }
}

/// Answers its website id, from which the shard of its events is computed.
fn add_demo_website(central: &std::path::Path, layout: &Layout) -> anyhow::Result<String> {
    let mut add = Command::new(central);
    add.args(["admin", "--config"]).arg(layout.central_settings());
    add.args(["website", "add", "--name", "Footfall demo", "--tracking-id", TRACKING_ID]);
    add.args(["--domain", "127.0.0.1", "--also-domain", "localhost", "--bot-filtering", "false"]);
    add.args(["--if-missing", "--json"]);
    process::clean_environment(&mut add);
    let answer = shell::read(&mut add).context("could not add the demo website")?;
    let answer: serde_json::Value = serde_json::from_str(&answer).context("central's answer is no JSON")?;
    Ok(answer["website_id"].as_str().context("the demo website has no id")?.to_owned())
}

/// Prepared and ready to start.
struct System {
    layout: Layout,
    ports: Ports,
    binaries: PathBuf,
    services: Option<tiers::Services>,
    /// The demo website's.
    website_id: String,
    until_eof: bool,
}

impl System {
    async fn live(self) -> anyhow::Result<()> {
        let signals = stop::watch(Also { end_of_input: self.until_eof, hangup: true })?;
        let site = self.demo_site(&signals.drain).await?;
        let mut central = self.server("central", vec!["run".into()]);
        let mut edge = self.server("edge-collector", vec![]);

        let started = tokio::select! {
            started = self.start(&mut central, &mut edge) => started.map(Some),
            () = signals.drain.cancelled() => Ok(None),
        };
        if let Ok(Some(announcer)) = &started {
            let (edge_pid, central_pid) = announcer.pids();
            tokio::join!(
                edge.keep(&edge_pid, &signals.drain),
                central.keep(&central_pid, &signals.drain),
                announcer.keep(&signals.drain),
            );
        } else {
            signals.drain.cancel();
        }
        eprintln!("stopping");
        edge.stop(DRAIN_PATIENCE, &signals.hurry).await;
        central.stop(DRAIN_PATIENCE, &signals.hurry).await;
        if self.services.is_none() {
            process::end_event_store(&self.layout.event_store_report(), DRAIN_PATIENCE, &signals.hurry).await;
        }
        site.await.context("the demo site's task ended badly")?;
        started.map(drop)
    }

    /// Central first, then the edge; done when a page view can pass through all of it.
    async fn start(&self, central: &mut Server, edge: &mut Server) -> anyhow::Result<Announcer> {
        let deadline = Instant::now() + START_PATIENCE;
        central.start(deadline).await?;
        edge.start(deadline).await?;
        probe::until_whole(&self.ports, deadline).await?;
        let pids = (edge.pid(), central.pid());
        let announcer =
            Announcer::new(&self.layout, &self.ports, self.services.as_ref(), &self.website_id, pids)?;
        announcer.announce()?;
        Ok(announcer)
    }

    fn server(&self, name: &'static str, verbs: Vec<std::ffi::OsString>) -> Server {
        let settings =
            if name == "central" { self.layout.central_settings() } else { self.layout.edge_settings() };
        let mut arguments = verbs;
        arguments.extend(["--config".into(), settings.into_os_string(), "--until-eof".into()]);
        Server::new(name, self.binaries.join(name), arguments, self.layout.log(name))
    }

    async fn demo_site(&self, stop: &CancellationToken) -> anyhow::Result<tokio::task::JoinHandle<()>> {
        let address = ports::loopback(self.ports.demo);
        let deadline = Instant::now() + LOCK_PATIENCE;
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("the demo site cannot listen on {address}"));
                }
            }
        };
        let folder = place::root().join("xtask").join("demo");
        let site =
            site::Site::new(folder, &format!("http://{}", ports::loopback(self.ports.edge)), TRACKING_ID);
        Ok(tokio::spawn(site.serve(listener, stop.clone())))
    }
}
