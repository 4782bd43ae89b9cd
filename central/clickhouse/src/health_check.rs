//! Whether the event store answers: asked every second, with the password looked at again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::server::{Server, ServerStatus};

/// How often it is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A store that was silent for so long is better ended and started again.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Asks for ever; where the store is a child of ours, only while it serves: what answers before that is an older one, about to end.
pub(super) async fn run(server: &Server, embedded: bool, status: Arc<watch::Sender<ServerStatus>>) {
    let runs = |status: &ServerStatus| !embedded || status.pid.is_some();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = Instant::now();
    loop {
        ticks.tick().await;
        if !runs(&status.borrow()) {
            // While no child serves, its supervisor knows better why; the next one gets its own time.
            answered = Instant::now();
            continue;
        }
        server.reload_password();
        let asked = timeout(PATIENCE, server.ping()).await;
        let answer = asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
        if answer.is_ok() {
            answered = Instant::now();
        }
        status.send_if_modified(|status| {
            let answering = answer
                .map_err(|reason| format!("the event store at {} does not answer: {reason}", server.url()));
            let given_up = answered.elapsed() > GIVE_UP;
            let news = runs(status) && (status.answering != answering || given_up);
            if news {
                status.answering = answering;
                status.given_up = given_up;
            }
            news
        });
    }
}
