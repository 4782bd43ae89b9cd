//! Asks a server every second whether it answers, and reads the password file again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::server::Server;
use super::server_status::ServerStatus;

/// How often it is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// A child that has not answered for so long is killed and started again.
const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(30);

/// Runs for ever; where the server is a child of ours, it is asked only while it serves: what answers before that is an older one, about
/// to end.
pub(super) async fn run(server: &Server, embedded: bool, status: Arc<watch::Sender<ServerStatus>>) {
    let runs = |status: &ServerStatus| !embedded || status.pid.is_some();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = Instant::now();
    loop {
        ticks.tick().await;
        if !runs(&status.borrow()) {
            // While no child serves, its supervisor says why; the next one gets its own time.
            answered = Instant::now();
            continue;
        }
        server.reload_password();
        let asked = timeout(PING_TIMEOUT, server.ping()).await;
        let answer = asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
        if answer.is_ok() {
            answered = Instant::now();
        }
        status.send_if_modified(|status| {
            let answering = answer
                .map_err(|reason| format!("the event store at {} does not answer: {reason}", server.url()));
            let is_unresponsive = answered.elapsed() > UNRESPONSIVE_AFTER;
            let changed = runs(status) && (status.answering != answering || is_unresponsive);
            if changed {
                status.answering = answering;
                status.is_unresponsive = is_unresponsive;
            }
            changed
        });
    }
}
