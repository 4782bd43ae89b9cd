//! Whether the event store answers: asked every second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Condition;

/// How often it is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A store that was silent for so long is better ended and started again.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Asks for ever.
pub(super) async fn check(url: String, condition: Arc<watch::Sender<Condition>>) {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let url: http::Uri = match format!("{url}/ping").parse() {
        Ok(url) => url,
        Err(error) => {
            return condition.send_modify(|condition| condition.answering = Err(format!("{url}: {error}")));
        }
    };
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut answered, mut restarts) = (Instant::now(), 0);
    loop {
        ticks.tick().await;
        // A new child gets its own time.
        let begun = condition.borrow().restarts;
        if begun != restarts {
            (answered, restarts) = (Instant::now(), begun);
        }
        let asked = timeout(PATIENCE, ping(&client, url.clone())).await;
        match asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned())) {
            Ok(()) => {
                answered = Instant::now();
                condition.send_if_modified(|condition| {
                    std::mem::replace(&mut condition.answering, Ok(())).is_err()
                });
            }
            Err(reason) => {
                let give_up = answered.elapsed() > GIVE_UP;
                condition.send_modify(|condition| {
                    // While no child serves, its supervisor knows better why.
                    if condition.answering.is_ok() || condition.restarts == 0 {
                        condition.answering = Err(format!("the event store does not answer: {reason}"));
                    }
                    condition.given_up = give_up && condition.pid.is_some();
                });
            }
        }
    }
}

async fn ping<C>(client: &Client<C, Empty<Bytes>>, url: http::Uri) -> Result<(), String>
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let answer = client.get(url).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    // Read to its end, so that the connection can be used again.
    answer.into_body().collect().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
}
