//! An edge and a central that run in this process, on folders that outlive them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use footfall_central::ingest::{self, IngestContext, endpoint};
use footfall_edge::config::{self, Config};
use footfall_edge::server::{Listeners, RunError};
use footfall_harness::authority::{Authority, CENTRAL, Identity, Usage};
use footfall_log::{self as log, Log};
use footfall_proto::relay::{Policy, Site, SiteStatus};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The edge's name in its certificate.
pub(crate) const EDGE: &str = "edge-1";
/// The one site.
pub(crate) const SITE: &str = "FF-RELAY";
pub(crate) const ORIGIN: &str = "https://www.example.org";
/// How long an end may take to stop or to open its log.
const PATIENT: Duration = Duration::from_secs(30);

/// Who is who.
pub(crate) struct Certificates {
    authority: Authority,
    central: Identity,
    edge: Identity,
}

impl Certificates {
    pub(crate) fn new(folder: &Path) -> Self {
        let authority = Authority::new(folder);
        let (central, edge) = (authority.issue(CENTRAL, Usage::Server), authority.issue(EDGE, Usage::Client));
        Self { authority, central, edge }
    }
}

/// Central's ingest over its log.
pub(crate) struct Central {
    pub(crate) address: SocketAddr,
    endpoint: quinn::Endpoint,
    log: Log,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    _policy: watch::Sender<Arc<Policy>>,
}

impl Central {
    pub(crate) async fn start(certificates: &Certificates, data: &Path) -> Self {
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let options = endpoint::Options {
            listen,
            certificate: certificates.central.certificate.clone(),
            key: certificates.central.key.clone(),
            ca: certificates.authority.ca(),
            certificate_ca: None,
        };
        let endpoint =
            endpoint::bind(listen, endpoint::configure(&options).expect("certificates")).expect("a port");
        let (policy, policies) = watch::channel(Arc::new(policy()));
        let (log, stop) = (open_log(data).await, CancellationToken::new());
        let context = IngestContext::new(log.clone(), policies, ingest::Metrics::default(), stop.clone());
        Self {
            address: endpoint.local_addr().expect("bound"),
            serving: tokio::spawn(ingest::serve(endpoint.clone(), context)),
            endpoint,
            log,
            stop,
            _policy: policy,
        }
    }

    /// What its log holds.
    pub(crate) async fn stored(&self) -> Stored {
        Stored::read(&self.log).await
    }

    /// Ends as it does when it is told to: what it took is answered.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.end().await;
    }

    /// Ends in the middle of what it does: nothing more is answered.
    pub(crate) async fn crash(self) {
        self.endpoint.close(0_u32.into(), b"crash");
        self.end().await;
    }

    async fn end(self) {
        timeout(PATIENT, self.serving).await.expect("it ends").expect("it does not panic");
        let log = self.log;
        spawn_blocking(move || log.close()).await.expect("it closes");
    }
}

pub(crate) async fn open_log(data: &Path) -> Log {
    let options = log::embedded::Options {
        dir: data.to_owned(),
        max_bytes: 256 << 20,
        segment_bytes: 1 << 20,
        lock_wait: PATIENT,
    };
    Log::embedded(options, log::Metrics::default()).await.expect("the log opens")
}

/// What a log holds.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// Records as the reader gives them, in order.
    pub(crate) records: Vec<StoredRecord>,
    /// Records that stand in the log again and that the reader leaves out.
    pub(crate) resent: u64,
}

/// One record.
#[derive(Debug)]
pub(crate) struct StoredRecord {
    pub(crate) edge_id: String,
    pub(crate) edge_offset: u64,
    /// Id of each event, and whether the reader calls it a repeat.
    pub(crate) events: Vec<([u8; 16], bool)>,
}

impl Stored {
    pub(crate) async fn read(log: &Log) -> Self {
        let partition = log.partition(0).expect("an embedded log has one");
        let end = partition.end();
        let mut cursor = partition.observer("relay", UNIX_EPOCH).await.expect("an observer");
        let mut stored = Self::default();
        while cursor.position() < end {
            let batch = timeout(PATIENT, cursor.next()).await.expect("in time").expect("readable");
            assert_eq!(batch.poison().count(), 0, "the edge sends nothing that cannot be read");
            stored.resent += (batch.raw().len() - batch.records().len()) as u64;
            stored.records.extend(batch.records().iter().map(|record| StoredRecord {
                edge_id: record.edge_id.to_owned(),
                edge_offset: record.edge_offset,
                events: record.events.iter().map(|event| (event.event_id, event.duplicate)).collect(),
            }));
        }
        stored
    }
}

/// An edge with its HTTP and its forwarder.
pub(crate) struct Edge {
    pub(crate) url: String,
    /// Where it tells whether it is ready.
    pub(crate) health: String,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), RunError>>,
}

impl Edge {
    /// Finds central at this address.
    pub(crate) fn start(certificates: &Certificates, data: &Path, central: SocketAddr) -> Self {
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("bound"));
        let listeners = Listeners { http: bind(), health: Some(bind()) };
        let health = listeners.health.as_ref().map(url).expect("bound");
        let (url, shutdown) = (url(&listeners.http), CancellationToken::new());
        let config = config(certificates, data, central);
        let running = tokio::spawn(footfall_edge::run(config, listeners, shutdown.clone()));
        Self { url, health, shutdown, running }
    }

    /// Ends as it does when it is told to: requests first, then the link, then the journal.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENT, self.running).await.expect("it ends").expect("it does not panic").expect("in order");
    }
}

fn config(certificates: &Certificates, data: &Path, central: SocketAddr) -> Config {
    Config {
        data: data.to_owned(),
        http: config::Http {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            workers: 1,
            max_connections: 1_000,
            trusted_proxies: Vec::new(),
        },
        health: Some(config::Health { listen: (Ipv4Addr::LOCALHOST, 0).into(), names: Vec::new() }),
        central: Some(config::Central {
            address: central.to_string(),
            server_name: CENTRAL.to_owned(),
            certificate: certificates.edge.certificate.clone(),
            key: certificates.edge.key.clone(),
            ca: certificates.authority.ca(),
            certificate_ca: None,
        }),
        journal: config::Journal { max_bytes: 64 << 20, segment_bytes: 1 << 20 },
        assets: None,
        geo: config::Geo::default(),
    }
}

/// One site that takes everything.
fn policy() -> Policy {
    let site = Site {
        website_id: "6b1ab2a4-0000-4000-8000-000000000001".into(),
        tracking_id: SITE.into(),
        domain: "example.org".into(),
        status: SiteStatus::Active as i32,
        ip_anonymization_enabled: true,
        sampling_rate: 1.0,
        timezone: "UTC".into(),
        ..Site::default()
    };
    Policy { policy_id: 1, sites: vec![site] }
}
