//! How far each website's tables are, asked anew after a second: many reports are asked for at once, and most of them are of the same website.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use footfall_clickhouse::{QueryClient, QueryError};

use super::freshness::{self, Freshness, FreshnessRow};

/// How long an answer is believed, at most.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Most websites that are remembered; beyond, all are forgotten.
const MAX_KNOWN: usize = 10_000;

/// What was said of each website, and when.
pub(super) struct KnownFreshness {
    max_age: Duration,
    known: Mutex<HashMap<String, (Instant, Arc<Freshness>)>>,
}

impl KnownFreshness {
    /// Believes an answer as long as those of reports, and no longer than a second.
    pub(super) fn new(max_age: Duration) -> Self {
        Self { max_age: max_age.min(MAX_AGE), known: Mutex::default() }
    }

    /// How far a website's tables are.
    ///
    /// # Errors
    /// [`QueryError`].
    pub(super) async fn of(
        &self,
        client: &QueryClient,
        website_id: &str,
    ) -> Result<Arc<Freshness>, QueryError> {
        if let Some(freshness) = self.recall(website_id) {
            return Ok(freshness);
        }
        let asked = Instant::now();
        let row = client.fetch_one::<FreshnessRow>(website_id, &freshness::statement(website_id)).await?;
        let freshness = Arc::new(Freshness::from(row));
        if !self.max_age.is_zero() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(website_id.to_owned(), (asked, Arc::clone(&freshness)));
        }
        Ok(freshness)
    }

    fn recall(&self, website_id: &str) -> Option<Arc<Freshness>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, freshness) = known.get(website_id)?;
        (asked.elapsed() < self.max_age).then(|| Arc::clone(freshness))
    }
}
