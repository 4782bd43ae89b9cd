//! Answers kept for a moment, so that a question that many ask at once is put to the event store once: by this process, and where the
//! answers are in Redis by all centrals together. A cache that is away costs time and nothing else.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::Error;
use footfall_live::Answers;

/// Whoever makes an answer has it made, or failed, by then: a little longer than the reports' own limit of time.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long one holder may keep the others waiting.
const CLAIM: Duration = Duration::from_secs(20);
/// How often one looks whether another process has made the answer.
const LOOK: Duration = Duration::from_millis(50);

/// What the cache counts.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    hits: Counter,
    misses: Counter,
    bypasses: Counter,
}

impl Metrics {
    /// Makes the counters known.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("cache_hits", "Questions answered from the cache", metrics.hits.clone());
        registry.register("cache_misses", "Questions put to the event store", metrics.misses.clone());
        let bypasses = metrics.bypasses.clone();
        registry.register("cache_bypasses", "Questions asked while the cache was away", bypasses);
        metrics
    }
}

/// An answer that is looked for or made, once for all who want it.
type Flight = OnceCell<Result<Bytes, Arc<Error>>>;

/// Answers by name. Clones share them.
#[derive(Clone)]
pub(super) struct Cache {
    answers: Answers,
    /// How long an answer is kept.
    life: Duration,
    flights: Arc<Mutex<HashMap<String, Weak<Flight>>>>,
    metrics: Metrics,
}

impl Cache {
    pub(super) fn new(answers: Answers, life: Duration, metrics: Metrics) -> Self {
        Self { answers, life, flights: Arc::default(), metrics }
    }

    /// The answer of this name, made by `make` where nobody has it. Whoever asks for the same meanwhile waits for it.
    pub(super) async fn answer<F>(&self, name: &str, make: F) -> Result<Bytes, Arc<Error>>
    where
        F: Future<Output = Result<Bytes, Error>> + Send + 'static,
    {
        let flight = self.flight(name);
        let mut first = false;
        let landed = flight.get_or_init(async || {
            first = true;
            // A task of its own: when the one who asked first goes away, the others still get their answer.
            let (cache, name) = (self.clone(), name.to_owned());
            let found = tokio::spawn(async move { cache.find(&name, make).await });
            found.await.expect("finding an answer does not panic").map_err(Arc::new)
        });
        let answer = landed.await.clone();
        if !first && answer.is_ok() {
            self.metrics.hits.inc();
        }
        answer
    }

    fn flight(&self, name: &str) -> Arc<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(name).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::default();
        flights.insert(name.to_owned(), Arc::downgrade(&flight));
        flight
    }

    async fn find<F: Future<Output = Result<Bytes, Error>>>(
        &self,
        name: &str,
        make: F,
    ) -> Result<Bytes, Error> {
        let holder = getrandom::u64().map_or_else(|_| name.to_owned(), |random| format!("{random:016x}"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let claimed = match self.answers.get(name).await {
                Ok(Some(answer)) => {
                    self.metrics.hits.inc();
                    return Ok(answer);
                }
                Ok(None) => self.answers.claim(name, &holder, CLAIM).await,
                Err(error) => Err(error),
            };
            match claimed {
                Ok(false) if Instant::now() < deadline => sleep(LOOK).await,
                Ok(claimed) => return self.make(name, claimed.then_some(holder.as_str()), make).await,
                Err(error) => {
                    tracing::debug!(%error, "the cache is away");
                    self.metrics.bypasses.inc();
                    return make.await;
                }
            }
        }
    }

    async fn make<F>(&self, name: &str, holder: Option<&str>, make: F) -> Result<Bytes, Error>
    where
        F: Future<Output = Result<Bytes, Error>>,
    {
        self.metrics.misses.inc();
        let result = make.await;
        if let Ok(answer) = &result
            && let Err(error) = self.answers.put(name, answer.clone(), self.life).await
        {
            tracing::debug!(%error, "an answer was not kept");
        }
        if let Some(holder) = holder
            && let Err(error) = self.answers.release(name, holder).await
        {
            tracing::debug!(%error, "a claim was not given up; it ends by itself");
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// Counts how often it is asked, and answers with that number.
    #[derive(Clone, Default)]
    struct Store(Arc<AtomicUsize>);

    impl Store {
        async fn ask(self) -> Result<Bytes, Error> {
            let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            Ok(number.to_string().into())
        }
    }

    fn cache() -> Cache {
        Cache::new(Answers::memory(), Duration::from_mins(1), Metrics::default())
    }

    #[tokio::test]
    async fn a_stampede_asks_the_store_once_and_so_does_whoever_comes_later() {
        let (cache, store) = (cache(), Store::default());
        let answers = join_all((0..100).map(|_| cache.answer("q", store.clone().ask()))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer == "1")));
        assert_eq!(cache.answer("q", store.clone().ask()).await.ok(), Some(Bytes::from_static(b"1")));
        assert_eq!((cache.metrics.misses.get(), cache.metrics.hits.get()), (1, 100));
        assert_eq!(cache.answer("other", store.clone().ask()).await.ok(), Some(Bytes::from_static(b"2")));
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_who_wait_and_is_not_kept() {
        let (cache, store) = (cache(), Store::default());
        let fail = || async {
            tokio::task::yield_now().await;
            Err(Error::Busy)
        };
        let answers = join_all((0..10).map(|_| cache.answer("q", fail()))).await;
        assert!(answers.iter().all(Result::is_err));
        assert!(cache.answer("q", store.ask()).await.is_ok());
    }

    #[tokio::test]
    async fn who_asked_first_may_go_away() {
        let (cache, store) = (cache(), Store::default());
        let (started, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let slow = {
            let (started, go, store) = (started.clone(), go.clone(), store.clone());
            async move {
                started.notify_one();
                go.notified().await;
                store.ask().await
            }
        };
        tokio::select! {
            _ = cache.answer("q", slow) => panic!("it was to wait"),
            () = started.notified() => {}
        }
        go.notify_one();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !matches!(cache.answers.get("q").await, Ok(Some(_))) {
            assert!(Instant::now() < deadline, "the answer was not kept");
            tokio::task::yield_now().await;
        }
        assert_eq!(cache.answer("q", store.ask()).await.ok(), Some(Bytes::from_static(b"1")));
    }
}
