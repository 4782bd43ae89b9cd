//! Whether the event store answers: asked every second, with the password looked at again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::server::{Condition, Server};

/// How often it is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A store that was silent for so long is better ended and started again.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Asks for ever; where the store is a child of ours, only while it serves: what answers before that is an older one, about to end.
pub(super) async fn check(server: &Server, embedded: bool, condition: Arc<watch::Sender<Condition>>) {
    let runs = |condition: &Condition| !embedded || condition.pid.is_some();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = Instant::now();
    loop {
        ticks.tick().await;
        if !runs(&condition.borrow()) {
            // While no child serves, its supervisor knows better why; the next one gets its own time.
            answered = Instant::now();
            continue;
        }
        server.renew();
        let asked = timeout(PATIENCE, server.ping()).await;
        let answer = asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
        if answer.is_ok() {
            answered = Instant::now();
        }
        condition.send_if_modified(|condition| {
            let answering = answer
                .map_err(|reason| format!("the event store at {} does not answer: {reason}", server.url()));
            let given_up = answered.elapsed() > GIVE_UP;
            let news = runs(condition) && (condition.answering != answering || given_up);
            if news {
                condition.answering = answering;
                condition.given_up = given_up;
            }
            news
        });
    }
}
