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

/// Asks for ever; where the store is a child of ours, only while it serves: what answers before that is an older one, about to end.
pub(super) async fn check(url: String, embedded: bool, condition: Arc<watch::Sender<Condition>>) {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let url: http::Uri = match format!("{url}/ping").parse() {
        Ok(url) => url,
        Err(error) => {
            return condition.send_modify(|condition| condition.answering = Err(format!("{url}: {error}")));
        }
    };
    let serves = |condition: &Condition| !embedded || condition.pid.is_some();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = Instant::now();
    loop {
        ticks.tick().await;
        if !serves(&condition.borrow()) {
            // While no child serves, its supervisor knows better why; the next one gets its own time.
            answered = Instant::now();
            continue;
        }
        let asked = timeout(PATIENCE, ping(&client, url.clone())).await;
        let answer = asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
        if answer.is_ok() {
            answered = Instant::now();
        }
        condition.send_if_modified(|condition| {
            let answering = answer.map_err(|reason| format!("the event store does not answer: {reason}"));
            let given_up = answered.elapsed() > GIVE_UP;
            let news = serves(condition) && (condition.answering != answering || given_up);
            if news {
                condition.answering = answering;
                condition.given_up = given_up;
            }
            news
        });
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
