//! Central on real servers beside the plainest programs that do the same: relay batches over QUIC into Kafka beside a bare producer,
//! and a filled log into ClickHouse beside a bare insert. Alternating rounds; what a peer writes are central's own bytes and rows.

mod alone;
mod certificates;
mod fleet;
mod kafka;
mod load;
mod program;
mod relay;
mod shards;
mod sites;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use crate::edge::median;
use crate::processor;
use alone::Alone;
use certificates::Certificates;
use fleet::Fleet;
use kafka::Kafka;
use load::Load;
use program::{Central, Setting};
use relay::Edge;
use shards::Shards;
use sites::Sites;

const PARTITIONS: u32 = 8;
const SHARDS: usize = 2;
const EDGES: usize = 4;
/// How long one half of one round may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// How much and how often to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Events of one round.
    pub(crate) events: u64,
    /// Rounds of central then the peer, in both halves.
    pub(crate) rounds: u32,
}

/// One program in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Measured {
    /// Events per second.
    pub(crate) rate: f64,
    /// Its processor time, seconds for a million events.
    pub(crate) cpu_s: f64,
    /// That of Kafka.
    pub(crate) kafka_cpu_s: f64,
    /// That of both event stores.
    pub(crate) store_cpu_s: f64,
}

/// A half: central and its peer, a figure for each round.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Half {
    pub(crate) central: Vec<Measured>,
    pub(crate) bare: Vec<Measured>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) events: u64,
    pub(crate) records: u64,
    /// Size of the records, bytes.
    pub(crate) bytes: u64,
    /// Rows of one insert of the sink alone and of the bare program, on average, a figure for each round.
    pub(crate) rows_per_insert: Vec<u64>,
    /// QUIC into Kafka.
    pub(crate) ingest: Half,
    /// The log into ClickHouse, no other sink beside it.
    pub(crate) sink: Half,
    /// The same by a whole central whose other sinks have everything before them, too; the bare program's figures are the same.
    pub(crate) whole: Half,
}

impl Half {
    fn add(&mut self, what: &str, round: u32, central: Measured, bare: Measured) {
        eprintln!(
            "{what}, round {round}: central {:.0} events/s ({:.1} s cpu a million), bare {:.0} events/s ({:.1} s cpu a million), ratio {:.2}",
            central.rate,
            central.cpu_s,
            bare.rate,
            bare.cpu_s,
            central.rate / bare.rate
        );
        self.central.push(central);
        self.bare.push(bare);
    }

    fn print(&self, title: &str) {
        println!("central   {title}");
        println!(
            "          round   central: events/s  s cpu/million  Kafka  event stores      bare: events/s  s cpu/million  Kafka  event stores   central ÷ bare"
        );
        let line = |name: &str, central: &Measured, bare: &Measured, ratio: f64| {
            println!(
                "          {name:<6} {:>18.0} {:>14.1} {:>6.1} {:>13.1} {:>19.0} {:>14.1} {:>6.1} {:>13.1} {:>16.2}",
                central.rate,
                central.cpu_s,
                central.kafka_cpu_s,
                central.store_cpu_s,
                bare.rate,
                bare.cpu_s,
                bare.kafka_cpu_s,
                bare.store_cpu_s,
                ratio,
            );
        };
        let pairs = || self.central.iter().zip(&self.bare);
        for (round, (central, bare)) in pairs().enumerate() {
            line(&(round + 1).to_string(), central, bare, central.rate / bare.rate);
        }
        let ratio = median(pairs().map(|(central, bare)| central.rate / bare.rate).collect());
        line("median", &middle(&self.central), &middle(&self.bare), ratio);
    }
}

fn middle(rounds: &[Measured]) -> Measured {
    let of = |pick: fn(&Measured) -> f64| median(rounds.iter().map(pick).collect());
    Measured {
        rate: of(|measured| measured.rate),
        cpu_s: of(|measured| measured.cpu_s),
        kafka_cpu_s: of(|measured| measured.kafka_cpu_s),
        store_cpu_s: of(|measured| measured.store_cpu_s),
    }
}

impl Figures {
    /// For people.
    pub(crate) fn print(&self) {
        self.ingest.print(&format!(
            "QUIC → Kafka, acks=all ({} events in {} records of {} bytes, {EDGES} edges, {PARTITIONS} partitions)",
            self.events,
            self.records,
            self.bytes / self.records
        ));
        self.sink.print(&format!(
            "log → ClickHouse, the sink alone (the same events, {SHARDS} shards, rows of an insert: {:?})",
            self.rows_per_insert
        ));
        self.whole
            .print("log → ClickHouse, a central that starts anew: raw log and live view catch up as well");
    }
}

/// Runs the plan on servers started for it, with all state in `folder`.
///
/// # Errors
/// When a server does not start, or an event is lost or doubled.
pub(crate) fn run(folder: &Path, plan: Plan) -> anyhow::Result<Figures> {
    std::fs::create_dir_all(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let certificates = Certificates::new(folder);
    let kafka = Kafka::start(&folder.join("services"))?;
    let shards = Shards::start(&folder.join("shards"), SHARDS)?;
    let nothing = Setting {
        certificates: &certificates,
        kafka: &kafka.at,
        shards: &shards,
        topic: "nothing.events",
        partitions: PARTITIONS,
        group: "nothing",
        metadata: None,
    };
    let sites = Sites::make(&folder.join("sites"), &nothing)?;
    let load = Load::generate(plan.events, EDGES, &sites.ids, now_ms()?)?;
    let bench = Bench { folder, certificates, kafka, shards, sites, load };
    runtime.block_on(bench.run(plan.rounds))
}

/// What lasts for all rounds.
struct Bench<'a> {
    folder: &'a Path,
    certificates: Certificates,
    kafka: Kafka,
    shards: Shards,
    sites: Sites,
    load: Load,
}

impl Bench<'_> {
    async fn run(&self, rounds: u32) -> anyhow::Result<Figures> {
        // Java is slow at first, whoever comes first.
        self.produce("warm-up.events").await?;
        let (mut ingest, mut sink, mut whole) = (Half::default(), Half::default(), Half::default());
        let mut rows_per_insert = Vec::new();
        for round in 1..=rounds {
            let (topic, bare_topic) = (format!("central-{round}.events"), format!("bare-{round}.events"));
            let central = self.ingest(&topic).await?;
            ingest.add("QUIC → Kafka", round, central, self.produce(&bare_topic).await?);
            let all = self.drain(&topic).await?;
            self.shards.clear().await?;
            let (alone, at_once) = self.drain_alone(&topic).await?;
            let bare = self.insert(at_once).await?;
            sink.add("log → ClickHouse, the sink alone", round, alone, bare);
            whole.add("log → ClickHouse, all sinks", round, all, bare);
            rows_per_insert.push(at_once);
            self.kafka.at.drop_topics(&[&topic]).await?;
        }
        let Load { events, records, bytes, .. } = self.load;
        Ok(Figures { events, records, bytes, rows_per_insert, ingest, sink, whole })
    }

    /// Sends the load to a central that owns no partition, and so does nothing else.
    async fn ingest(&self, topic: &str) -> anyhow::Result<Measured> {
        let group = format!("{topic}-ingest");
        let setting = self.setting(topic, &group);
        let folder = self.folder.join(&group);
        // Its first start makes the topic; others then own all that is to be owned.
        let central = Central::start(&folder, &setting)?;
        central.ready().await?;
        central.stop()?;
        let fleet = Fleet::join(&self.kafka.at, &group, topic, PARTITIONS)?;
        let central = Central::start(&folder, &setting)?;
        central.ready().await?;
        let mut edges = Vec::new();
        for number in 0..EDGES {
            edges.push(Edge::connect(&self.certificates, &edge_id(number), central.relay).await?);
        }
        let clock = self.clock(central.pid())?;
        let sending =
            edges.iter_mut().zip(&self.load.edges).map(|(edge, batches)| edge.send(epoch(), batches));
        futures_util::future::try_join_all(sending).await?;
        let measured = clock.stop()?;
        let read = central.metric("footfall_central_log_records_total").await?;
        ensure!(read == 0, "this central owned a partition: its sinks were measured as well");
        let parked = central.metric("footfall_central_ingest_parked_total").await?;
        ensure!(parked == 0, "central has kept {parked} records from its stores");
        for edge in edges {
            edge.close().await;
        }
        central.stop()?;
        drop(fleet);
        Ok(measured)
    }

    /// Writes the same records without central.
    async fn produce(&self, topic: &str) -> anyhow::Result<Measured> {
        self.kafka.at.make_topic(topic, PARTITIONS).await?;
        let mut entries = Vec::new();
        for (number, batches) in self.load.edges.iter().enumerate() {
            entries.extend(Load::entries(batches, &edge_id(number), &epoch(), PARTITIONS)?);
        }
        let clock = self.clock(std::process::id())?;
        let took = tokio::task::block_in_place(|| self.kafka.at.produce(topic, &entries))?;
        let measured = clock.stop_after(took)?;
        self.kafka.at.drop_topics(&[topic]).await?;
        Ok(measured)
    }

    /// Lets a central that just starts store what the topic holds, its other sinks running.
    async fn drain(&self, topic: &str) -> anyhow::Result<Measured> {
        let group = format!("{topic}-drain");
        let central = Central::start(&self.folder.join(&group), &self.setting(topic, &group))?;
        let read = central.metric("footfall_central_log_events_total").await?;
        ensure!(read == 0, "central had read {read} events before the clock was there");
        let stored = "footfall_central_sink_rows_total{sink=\"clickhouse\"";
        let begun = Instant::now();
        while central.metric("footfall_central_log_events_total").await? == 0 {
            ensure!(begun.elapsed() < PATIENCE, "central reads nothing");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let clock = self.clock(central.pid())?;
        while central.metric(stored).await? < self.load.events {
            ensure!(begun.elapsed() < PATIENCE, "central does not store everything in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let measured = clock.stop()?;
        central.stop()?;
        self.each_stored_once().await?;
        Ok(measured)
    }

    /// Lets the sink store what the topic holds, with nothing beside it. Says how many rows it inserted at once, too.
    async fn drain_alone(&self, topic: &str) -> anyhow::Result<(Measured, u64)> {
        let alone = Alone::open(&self.kafka.at, &self.shards, topic, PARTITIONS).await?;
        let before = self.shards.inserts().await?;
        let clock = self.clock(std::process::id())?;
        alone.drain().await?;
        let measured = clock.stop()?;
        let inserts = self.shards.inserts().await? - before;
        alone.close();
        self.each_stored_once().await?;
        Ok((measured, self.load.events.div_ceil(inserts.max(1))))
    }

    async fn each_stored_once(&self) -> anyhow::Result<()> {
        let (counted, events) = (self.shards.count("events_local").await?, self.load.events);
        ensure!(counted == [events, events, 0], "ClickHouse holds (rows, places, repeats) {counted:?}");
        Ok(())
    }

    /// Inserts the same rows without central.
    async fn insert(&self, at_once: u64) -> anyhow::Result<Measured> {
        let rows = self.shards.rows(PARTITIONS, at_once).await?;
        self.shards.clear().await?;
        let clock = self.clock(std::process::id())?;
        let took = self.shards.insert(rows).await?;
        let measured = clock.stop_after(took)?;
        let counted = self.shards.count(Shards::bare()).await?;
        ensure!(counted[0] == self.load.events, "the bare insert stored {counted:?}");
        self.shards.clear().await?;
        Ok(measured)
    }

    fn setting<'a>(&'a self, topic: &'a str, group: &'a str) -> Setting<'a> {
        let (certificates, kafka, shards) = (&self.certificates, &self.kafka.at, &self.shards);
        let metadata = Some(self.sites.database.as_path());
        Setting { certificates, kafka, shards, topic, partitions: PARTITIONS, group, metadata }
    }

    fn clock(&self, program: u32) -> anyhow::Result<Clock> {
        let processes = [vec![program], vec![self.kafka.at.pid], self.shards.pids()];
        Ok(Clock { events: self.load.events, used: used(&processes)?, processes, begun: Instant::now() })
    }
}

/// Measures from its making on.
struct Clock {
    events: u64,
    /// The program's, Kafka's, the event stores'.
    processes: [Vec<u32>; 3],
    used: [f64; 3],
    begun: Instant,
}

impl Clock {
    fn stop(self) -> anyhow::Result<Measured> {
        let took = self.begun.elapsed();
        self.stop_after(took)
    }

    /// Where the program itself took the time.
    fn stop_after(self, took: Duration) -> anyhow::Result<Measured> {
        let used = used(&self.processes)?;
        let events = self.events as f64;
        let of = |which: usize| (used[which] - self.used[which]) * 1e6 / events;
        Ok(Measured {
            rate: events / took.as_secs_f64(),
            cpu_s: of(0),
            kafka_cpu_s: of(1),
            store_cpu_s: of(2),
        })
    }
}

/// Processor time of groups of processes, seconds.
fn used(processes: &[Vec<u32>; 3]) -> anyhow::Result<[f64; 3]> {
    let mut sums = [0.0; 3];
    for (sum, pids) in sums.iter_mut().zip(processes) {
        for pid in pids {
            *sum += processor::used(*pid)?.as_secs_f64();
        }
    }
    Ok(sums)
}

fn edge_id(number: usize) -> String {
    format!("edge-{number}")
}

/// Each opening of each edge's journal has one of its own.
fn epoch() -> Bytes {
    Uuid::now_v7().as_bytes().to_vec().into()
}

fn now_ms() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64)
}
