//! `footfall-bench`: measures the pipeline beside its peers and prints the README's figures. Run it through `cargo xtask bench`.

mod body;
mod central;
mod derived;
mod edge;
mod nginx;
mod pipeline;
mod processor;
mod stack;
mod wrk;

use clap::{Parser, ValueEnum};
use stack::Stack;

/// Events of the throughput run, and of each round of central's.
const EVENTS: usize = 200_000;
const CENTRAL_EVENTS: usize = 600_000;
/// Events of a month.
const MONTH_EVENTS: usize = 20_000_000;

/// Measure Footfall on this machine. Every figure that can be is a ratio against a peer in the same run.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure.
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// Rounds of nginx then edge, and of central then its peers.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of one run of wrk.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// Open connections to the edge, a line for each.
    #[arg(long, value_delimiter = ',', default_value = "64,256")]
    connections: Vec<u32>,
    /// Events in the throughput run [default: 200000], in each round of central's [default: 600000], or of the month [default: 20000000].
    #[arg(long)]
    events: Option<usize>,
    /// Page views in the latency run.
    #[arg(long, default_value_t = 100)]
    samples: usize,
    /// Print the figures as JSON, too.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum What {
    /// The edge beside nginx.
    Edge,
    /// Events per second from POST to ClickHouse.
    Pipeline,
    /// Time from POST to the realtime API and to ClickHouse.
    Latency,
    /// Central on real servers: QUIC to Kafka beside a bare producer, the log to ClickHouse beside a bare insert.
    Central,
    /// Reports of a month, a rebuild beside a load, many small websites. Not among all: it takes half an hour.
    Derived,
    /// All of them, one after the other.
    All,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Nobody chose before; reqwest wants it chosen even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let wants = |what| arguments.what == What::All || arguments.what == what;
    let mut figures = serde_json::Map::new();
    // Latency first, on a quiet system; each part on a system of its own, so that none inherits another's backlog.
    if wants(What::Latency) {
        let stack = Stack::start(&folder.path().join("latency"))?;
        let seen = runtime.block_on(pipeline::latency(&stack, arguments.samples))?;
        println!(
            "latency   POST to realtime API: p50 {:.0} ms, p99 {:.0} ms; to a ClickHouse query: p50 {:.0} ms, p99 {:.0} ms ({} page views)",
            seen.realtime_ms.0, seen.realtime_ms.1, seen.clickhouse_ms.0, seen.clickhouse_ms.1, seen.samples
        );
        figures.insert("latency".to_owned(), serde_json::to_value(seen)?);
    }
    if wants(What::Pipeline) {
        let stack = Stack::start(&folder.path().join("pipeline"))?;
        let through = runtime.block_on(pipeline::throughput(&stack, arguments.events.unwrap_or(EVENTS)))?;
        println!(
            "pipeline  {} events: edge took {:.0}/s, ClickHouse held all after {:.1} s: {:.0} events/s end to end",
            through.events,
            through.events as f64 / through.accepted_s,
            through.stored_s,
            through.events as f64 / through.stored_s
        );
        figures.insert("pipeline".to_owned(), serde_json::to_value(through)?);
    }
    if wants(What::Edge) {
        let stack = Stack::start(&folder.path().join("edge"))?;
        let plan = edge::Plan {
            connections: &arguments.connections,
            rounds: arguments.rounds,
            seconds: arguments.seconds,
        };
        let lines = edge::run(&stack, folder.path(), plan)?;
        println!(
            "edge      connections  nginx req/s  µs cpu   edge req/s  µs cpu  p50 ms  p99 ms  edge ÷ nginx"
        );
        for line in &lines {
            let middle = |pick: fn(&edge::Measured) -> f64, side: &[edge::Measured]| {
                edge::median(side.iter().map(pick).collect())
            };
            println!(
                "          {:>11}  {:>11.0}  {:>6.1}  {:>11.0}  {:>6.1}  {:>6.1}  {:>6.1}  {:>12.2}",
                line.connections,
                middle(|m| m.rate, &line.nginx),
                middle(|m| m.cpu_us, &line.nginx),
                middle(|m| m.rate, &line.edge),
                middle(|m| m.cpu_us, &line.edge),
                middle(|m| m.p50_us as f64 / 1e3, &line.edge),
                middle(|m| m.p99_us as f64 / 1e3, &line.edge),
                line.ratio()
            );
        }
        println!(
            "          nginx writes bodies to a buffered log without fsync; the edge answers after fdatasync and forwards meanwhile"
        );
        figures.insert("edge".to_owned(), serde_json::to_value(lines)?);
    }
    if wants(What::Central) {
        let events = arguments.events.unwrap_or(CENTRAL_EVENTS) as u64;
        let plan = central::Plan { events, rounds: arguments.rounds };
        let seen = central::run(&folder.path().join("central"), plan)?;
        seen.print();
        figures.insert("central".to_owned(), serde_json::to_value(seen)?);
    }
    if arguments.what == What::Derived {
        let events = arguments.events.unwrap_or(MONTH_EVENTS) as u64;
        let seen = runtime.block_on(derived::run(&folder.path().join("derived"), events))?;
        figures.insert("derived".to_owned(), serde_json::to_value(seen)?);
    }
    if arguments.json {
        println!("{}", serde_json::Value::Object(figures));
    }
    Ok(())
}
