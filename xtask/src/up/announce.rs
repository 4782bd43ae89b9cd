//! Tells the world what runs where: the READY line, run.json, and a few lines for a person. Keeps run.json true.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use footfall_daemon::ready;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::layout::Layout;
use super::ports::{Ports, loopback};
use super::process::event_store;
use super::tiers::{Services, Shard};
use crate::file::write;

/// How often the event store's pid is looked at: central starts it again by itself.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(Serialize, Clone, PartialEq)]
struct Run {
    urls: Urls,
    relay: String,
    tracking_id: &'static str,
    clickhouse: ClickHouse,
    pids: Pids,
    data: PathBuf,
    /// The real servers' services.json, when the run has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<PathBuf>,
}

#[derive(Serialize, Clone, PartialEq)]
struct Urls {
    edge: String,
    edge_health: String,
    central: String,
    demo: String,
}

#[derive(Serialize, Clone, PartialEq)]
struct ClickHouse {
    url: String,
    user: &'static str,
    password_file: PathBuf,
}

#[derive(Serialize, Clone, PartialEq)]
struct Pids {
    edge: u32,
    central: u32,
    /// Central's child, or the shard that holds the demo website's events.
    event_store: u32,
    up: u32,
}

/// What is announced, and where its changing parts come from.
pub(super) struct Announcer {
    run: Run,
    file: PathBuf,
    event_store: EventStore,
    logs: PathBuf,
    edge: watch::Sender<u32>,
    central: watch::Sender<u32>,
}

/// Who tells which process the event store is.
enum EventStore {
    /// The file that central writes about its child.
    Child(PathBuf),
    Shard(Shard),
}

impl EventStore {
    fn pid(&self) -> Option<u32> {
        match self {
            Self::Child(report) => event_store(report).map(|store| store.pid),
            Self::Shard(shard) => shard.pid(),
        }
    }
}

impl Announcer {
    pub(super) fn new(
        layout: &Layout,
        ports: &Ports,
        services: Option<&Services>,
        website_id: &str,
        (edge, central): (u32, u32),
    ) -> anyhow::Result<Self> {
        let url = |port| format!("http://{}", loopback(port));
        let shard = services.map(|services| services.shard_of(website_id)).transpose()?;
        let (clickhouse, password_file) = match &shard {
            Some(shard) => (shard.url.clone(), shard.password_file.clone()),
            None => (url(ports.clickhouse), layout.clickhouse_password()),
        };
        let event_store =
            shard.map_or_else(|| EventStore::Child(layout.event_store_report()), EventStore::Shard);
        let pid = event_store.pid().context("the event store does not say which process it is")?;
        let run = Run {
            urls: Urls {
                edge: url(ports.edge),
                edge_health: url(ports.edge_health),
                central: url(ports.central),
                demo: url(ports.demo),
            },
            relay: loopback(ports.relay).to_string(),
            tracking_id: super::TRACKING_ID,
            clickhouse: ClickHouse { url: clickhouse, user: "footfall", password_file },
            pids: Pids { edge, central, event_store: pid, up: std::process::id() },
            data: layout.data.clone(),
            services: services.map(|services| services.file.clone()),
        };
        Ok(Self {
            run,
            file: layout.run_file(),
            event_store,
            logs: layout.data.join("logs"),
            edge: watch::Sender::new(edge),
            central: watch::Sender::new(central),
        })
    }

    /// Where the keepers of edge and central tell new pids.
    pub(super) fn pids(&self) -> (watch::Sender<u32>, watch::Sender<u32>) {
        (self.edge.clone(), self.central.clone())
    }

    /// Writes run.json, then the one line on stdout.
    pub(super) fn announce(&self) -> anyhow::Result<()> {
        self.save(&self.run)?;
        ready::print(&self.run)?;
        let Urls { central, demo, .. } = &self.run.urls;
        eprintln!("Footfall is up. Open");
        eprintln!("  {demo}/  the demo site: click around");
        eprintln!("  {central}/  the dashboard: it moves as you do");
        eprintln!(
            "Logs lie in {}. Ctrl-C stops everything; a second start keeps all data.",
            self.logs.display()
        );
        Ok(())
    }

    /// Rewrites run.json whenever a server has been started again, until `stop`.
    pub(super) async fn keep(&self, stop: &CancellationToken) {
        let mut run = self.run.clone();
        let (mut edge, mut central) = (self.edge.subscribe(), self.central.subscribe());
        loop {
            tokio::select! {
                _ = edge.changed() => {}
                _ = central.changed() => {}
                () = tokio::time::sleep(GLANCE) => {}
                () = stop.cancelled() => return,
            }
            let now = Pids {
                edge: *edge.borrow_and_update(),
                central: *central.borrow_and_update(),
                event_store: self.event_store.pid().unwrap_or(run.pids.event_store),
                up: run.pids.up,
            };
            if now != run.pids {
                run.pids = now;
                if let Err(error) = self.save(&run) {
                    eprintln!("warning: {error:#}");
                }
            }
        }
    }

    fn save(&self, run: &Run) -> anyhow::Result<()> {
        write(&self.file, &serde_json::to_vec_pretty(run)?, 0o644)
    }
}
