//! Load while something else happens: several senders that keep the ledger, and like a beacon try again when no answer comes.
//! It varies as chance has it ([`Load::start`]), or keeps a pace ([`Load::steady`]).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::event::{self, BROWSER};
use crate::http::client;
use crate::ledger::Ledger;
use crate::random::Random;

/// Senders that run until [`Load::stop`].
#[derive(Debug)]
pub struct Load {
    stop: watch::Sender<bool>,
    senders: JoinSet<()>,
}

/// Between two requests of one sender.
const PAUSE: Duration = Duration::from_millis(5);
/// Senders of a steady load.
const STEADY_SENDERS: u64 = 4;
/// Page views in each of their requests, which is one record of the log.
pub const STEADY_BATCH: u64 = 20;
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(15);

impl Load {
    /// Starts `count` senders of protobuf and JSON batches, one to five page views each.
    #[must_use]
    pub fn start(cluster: &Cluster, count: usize, random: &mut Random) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut senders = JoinSet::new();
        for _ in 0..count {
            let sender = Sender::new(cluster, vec![cluster.run().tracking_id.clone()], random.branch());
            senders.spawn(sender.run(stopped.clone()));
        }
        Self { stop, senders }
    }

    /// Starts senders that together post `rate` page views a second to these websites, whatever the answers take: who falls
    /// behind catches up. What was not answered is posted again, until the end.
    #[must_use]
    pub fn steady(cluster: &Cluster, rate: u64, tracking_ids: &[String], random: &mut Random) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut senders = JoinSet::new();
        for number in 0..STEADY_SENDERS {
            let sender = Sender::new(cluster, tracking_ids.to_vec(), random.branch());
            let pause =
                Duration::from_secs(STEADY_SENDERS * STEADY_BATCH) / u32::try_from(rate).expect("a rate");
            senders.spawn(sender.keep_pace(
                pause,
                pause * number as u32 / STEADY_SENDERS as u32,
                stopped.clone(),
            ));
        }
        Self { stop, senders }
    }

    /// Lets every sender end its request, and passes on a panic of any.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("a sender never panics");
        }
    }
}

struct Sender {
    url: String,
    tracking_ids: Vec<String>,
    ledger: Arc<Ledger>,
    http: reqwest::Client,
    random: Random,
}

impl Sender {
    fn new(cluster: &Cluster, tracking_ids: Vec<String>, random: Random) -> Self {
        Self {
            url: format!("{}/e", cluster.run().urls.edge),
            tracking_ids,
            ledger: cluster.ledger(),
            // A client each: connections break one by one.
            http: client().timeout(PATIENCE).build().expect("a plain client"),
            random,
        }
    }

    fn website(&mut self) -> String {
        let number = self.random.below(self.tracking_ids.len() as u64) as usize;
        self.tracking_ids[number].clone()
    }

    async fn keep_pace(mut self, pause: Duration, first: Duration, stopped: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + first, pause);
        while !*stopped.borrow() {
            ticks.tick().await;
            let ids: Vec<Uuid> = (0..STEADY_BATCH).map(|_| Uuid::now_v7()).collect();
            let url = format!("https://127.0.0.1/steady/{}", self.random.below(50));
            let body = event::beacon_batch(&self.website(), &ids, &url);
            self.ledger.sent(&ids);
            while !*stopped.borrow() {
                if let Some(dropped) = self.post(body.clone()).await {
                    assert!(
                        dropped.iter().all(|reason| reason == "duplicate"),
                        "the edge dropped {dropped:?}"
                    );
                    self.ledger.answered(ids);
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50 + self.random.below(200))).await;
            }
        }
    }

    async fn run(mut self, stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let ids: Vec<Uuid> = (0..=self.random.below(5)).map(|_| Uuid::now_v7()).collect();
            let (website, url) =
                (self.website(), format!("https://127.0.0.1/load/{}", self.random.below(50)));
            let body = if self.random.below(2) == 0 {
                event::beacon_batch(&website, &ids, &url)
            } else {
                let views: Vec<Value> = ids.iter().map(|id| event::page_view(*id, &url)).collect();
                event::batch(&website, &views).into_bytes()
            };
            self.ledger.sent(&ids);
            // A beacon tries again with the same bytes; a page that was closed does not. Both happen.
            for attempt in 0..4 {
                if attempt > 0 && self.random.below(4) == 0 {
                    break;
                }
                match self.post(body.clone()).await {
                    Some(dropped) => {
                        assert!(
                            dropped.iter().all(|reason| reason == "duplicate"),
                            "the edge dropped {dropped:?}"
                        );
                        self.ledger.answered(ids);
                        break;
                    }
                    None => tokio::time::sleep(Duration::from_millis(50 + self.random.below(200))).await,
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reasons of dropped events when the answer was a success; `None` when there was no answer, or "later".
    async fn post(&self, body: Vec<u8>) -> Option<Vec<String>> {
        let request =
            self.http.post(&self.url).header("user-agent", BROWSER).header("content-type", "text/plain");
        let answer = request.body(body).send().await.ok()?;
        let status = answer.status().as_u16();
        match status {
            204 => Some(vec![]),
            200 => {
                let text = answer.text().await.ok()?;
                let value: Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                let dropped = value["dropped"].as_array().cloned().unwrap_or_default();
                Some(
                    dropped
                        .iter()
                        .map(|drop| drop["reason"].as_str().unwrap_or_default().to_owned())
                        .collect(),
                )
            }
            429 | 503 => None,
            _ => panic!("the edge answered {status}: {}", answer.text().await.unwrap_or_default()),
        }
    }
}
