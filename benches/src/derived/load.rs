//! Events of many websites at a steady rate, as an edge forwards them to a running system.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use footfall_harness::authority::Authority;
use footfall_harness::edge::{FakeEdge, now_ms};
use footfall_harness::record::record_of;
use tokio::time::{MissedTickBehavior, interval};

use crate::stack::Stack;

/// How often new events are sent.
const TICK: Duration = Duration::from_millis(200);

/// Adds websites to a running system; their ids.
///
/// # Errors
/// When central's command refuses.
pub(crate) fn websites(stack: &Stack, count: usize) -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe()?.with_file_name("central");
    let config = stack.folder().join("central/central.toml");
    let mut ids = Vec::new();
    for number in 0..count {
        let added = Command::new(&program)
            .args(["admin", "--config"])
            .arg(&config)
            .args(["website", "add", "--name", &format!("Site {number}")])
            .args(["--domain", &format!("site-{number}.example"), "--json"])
            .output()
            .context("add a website")?;
        ensure!(added.status.success(), "no website: {}", String::from_utf8_lossy(&added.stderr));
        let added: serde_json::Value = serde_json::from_slice(&added.stdout)?;
        ids.push(added["website_id"].as_str().context("a website has an id")?.to_owned());
    }
    Ok(ids)
}

/// An edge of this system.
///
/// # Errors
/// When READY names no relay.
pub(crate) async fn edge(stack: &Stack, authority: &Authority) -> anyhow::Result<FakeEdge> {
    Ok(FakeEdge::connect(authority, "edge-of-the-load", stack.relay()?).await)
}

/// Sends events of these websites in turn, as they happen: how many.
pub(crate) async fn run(edge: &mut FakeEdge, websites: &[String], a_second: f64, lasts: Duration) -> u64 {
    let (began, mut sent, mut pace) = (Instant::now(), 0_u64, interval(TICK));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let first = now_ms().unsigned_abs() << 12;
    while began.elapsed() < lasts {
        pace.tick().await;
        let due = (began.elapsed().as_secs_f64() * a_second) as u64;
        let of =
            |number: u64| record_of(&websites[number as usize % websites.len()], first + number, 1, now_ms());
        let records: Vec<_> = (sent..due).map(of).collect();
        if !records.is_empty() {
            edge.send(&records).await;
        }
        sent = due;
    }
    sent
}
