//! Keeps Druid's ingestion as it is wanted: gives the spec and the retention rules where they are missing or differ, and tells how the
//! ingestion is. It never resumes what a person has suspended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::connection::{Druid, Part};
use super::error::DruidError;
use super::ingestion::{Ingestion, says};
use super::metrics::Metrics;
use super::retention;
use super::status::Status;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(10);

/// What is wrong with the ingestion, for `/readyz`; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Option<String>>>);

impl Health {
    /// A sentence with what to do; nothing while all is well.
    pub fn problem(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, problem: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

/// What one look did and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether the spec was given: it was missing, or another.
    pub submitted: bool,
    /// How the ingestion is; nothing right after the spec was given for the first time.
    pub status: Option<Status>,
}

impl Druid {
    /// Makes the ingestion what is wanted, and looks at it once.
    ///
    /// # Errors
    /// [`DruidError`]; a spec or rules that are refused are permanent.
    pub async fn look(&self, wanted: &Ingestion, replicas: u32) -> Result<Look, DruidError> {
        let data_source = &self.options.data_source;
        let spec = wanted.spec(data_source);
        let has = self.get(Part::Coordinator, &supervisor(data_source, "")).await?;
        let is_suspended = has.as_ref().is_some_and(|has| has["suspended"] == true);
        let submitted = !has.as_ref().is_some_and(|has| says(has, &spec));
        // A spec that is given anew would run; one that was suspended stays so until a person resumes it.
        if submitted && !is_suspended {
            self.post(Part::Coordinator, "druid/indexer/v1/supervisor", "the ingestion's spec", &spec)
                .await?;
        }
        let rules_at = format!("druid/coordinator/v1/rules/{data_source}");
        let rules = retention::rules(replicas);
        let has = self.get(Part::Coordinator, &rules_at).await?.unwrap_or(Value::Null);
        if !says(&has, &rules) {
            self.post(Part::Coordinator, &rules_at, "the retention rules", &rules).await?;
        }
        let status = self.get(Part::Coordinator, &supervisor(data_source, "/status")).await?;
        Ok(Look { submitted: submitted && !is_suspended, status: status.as_ref().map(Status::read) })
    }
}

fn supervisor(data_source: &str, of: &str) -> String {
    format!("druid/indexer/v1/supervisor/{data_source}{of}")
}

/// Looks every ten seconds, until `stop`. Several centrals may: they want the same.
pub async fn supervise(
    druid: Druid,
    wanted: Ingestion,
    replicas: u32,
    metrics: Metrics,
    health: Health,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = stop.cancelled() => return,
        }
        let look = tokio::select! {
            look = druid.look(&wanted, replicas) => look,
            () = stop.cancelled() => return,
        };
        let problem = match look {
            Ok(look) => {
                if look.submitted {
                    tracing::info!(topic = wanted.topic, "Druid was given the ingestion's spec");
                }
                look.status.and_then(|status| {
                    metrics.see(&status);
                    status.problem()
                })
            }
            Err(error) => {
                metrics.fail();
                Some(error.to_string())
            }
        };
        if let Some(problem) = &problem
            && health.problem().as_ref() != Some(problem)
        {
            tracing::warn!("{problem}");
        }
        health.set(problem);
    }
}
