//! A cache of answers with a short life, so that a question that many ask at the same time is put to the event store once: by this process,
//! and with the cache in Redis by all centrals together. While the cache cannot be reached, every question goes to the event store.

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

/// How long to wait for an answer that another process computes: a little longer than the reports' own limit of time.
const CLAIM_WAIT: Duration = Duration::from_secs(15);
/// How long a claim holds: after that, somebody else computes the answer.
const CLAIM_TTL: Duration = Duration::from_secs(20);
/// How often to look whether another process has computed the answer.
const POLL: Duration = Duration::from_millis(50);

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

/// An answer that is being looked up or computed, once for all who wait for it.
type Pending = OnceCell<Result<Bytes, Arc<Error>>>;

/// Answers by key. Clones share them.
#[derive(Clone)]
pub(super) struct Cache {
    answers: Answers,
    /// How long an answer is kept.
    ttl: Duration,
    pending: Arc<Mutex<HashMap<String, Weak<Pending>>>>,
    metrics: Metrics,
}

impl Cache {
    pub(super) fn new(answers: Answers, ttl: Duration, metrics: Metrics) -> Self {
        Self { answers, ttl, pending: Arc::default(), metrics }
    }

    /// The answer of this key, computed by `compute` where it is not cached. Whoever asks for the same meanwhile waits for it.
    pub(super) async fn answer<F>(&self, key: &str, compute: F) -> Result<Bytes, Arc<Error>>
    where
        F: Future<Output = Result<Bytes, Error>> + Send + 'static,
    {
        let pending = self.pending(key);
        let mut first = false;
        let result = pending.get_or_init(async || {
            first = true;
            // A task of its own: when the one who asked first goes away, the others still get their answer.
            let (cache, key) = (self.clone(), key.to_owned());
            let found = tokio::spawn(async move { cache.find(&key, compute).await });
            found.await.expect("finding an answer does not panic").map_err(Arc::new)
        });
        let answer = result.await.clone();
        if !first && answer.is_ok() {
            self.metrics.hits.inc();
        }
        answer
    }

    fn pending(&self, key: &str) -> Arc<Pending> {
        let mut all = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = all.get(key).and_then(Weak::upgrade) {
            return pending;
        }
        all.retain(|_, pending| pending.strong_count() > 0);
        let pending = Arc::default();
        all.insert(key.to_owned(), Arc::downgrade(&pending));
        pending
    }

    async fn find<F: Future<Output = Result<Bytes, Error>>>(
        &self,
        key: &str,
        compute: F,
    ) -> Result<Bytes, Error> {
        let holder = getrandom::u64().map_or_else(|_| key.to_owned(), |random| format!("{random:016x}"));
        let deadline = Instant::now() + CLAIM_WAIT;
        loop {
            let claimed = match self.answers.get(key).await {
                Ok(Some(answer)) => {
                    self.metrics.hits.inc();
                    return Ok(answer);
                }
                Ok(None) => self.answers.claim(key, &holder, CLAIM_TTL).await,
                Err(error) => Err(error),
            };
            match claimed {
                Ok(false) if Instant::now() < deadline => sleep(POLL).await,
                Ok(claimed) => return self.compute(key, claimed.then_some(holder.as_str()), compute).await,
                Err(error) => {
                    tracing::debug!(%error, "the cache cannot be reached");
                    self.metrics.bypasses.inc();
                    return compute.await;
                }
            }
        }
    }

    async fn compute<F>(&self, key: &str, holder: Option<&str>, compute: F) -> Result<Bytes, Error>
    where
        F: Future<Output = Result<Bytes, Error>>,
    {
        self.metrics.misses.inc();
        let result = compute.await;
        if let Ok(answer) = &result
            && let Err(error) = self.answers.put(key, answer.clone(), self.ttl).await
        {
            tracing::debug!(%error, "an answer was not cached");
        }
        if let Some(holder) = holder
            && let Err(error) = self.answers.release(key, holder).await
        {
            tracing::debug!(%error, "a claim was not released; it expires");
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
    async fn a_failure_is_told_to_all_who_wait_and_is_not_cached() {
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
