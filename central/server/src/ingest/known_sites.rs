//! The websites that exist, as of the policy at hand, and how to be sure: a website may be younger than that policy. Asks no database
//! itself: it waits until whoever watches the metadata has looked again, so no edge can cause a question by what it sends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use footfall_proto::relay::Policy;
use tokio::sync::watch;
use tokio::time::timeout;

use super::judgement::Sites;

/// Looks that have to end before one of them is known to have begun after somebody asked.
const LOOKS: u64 = 2;

/// The websites of the newest policy.
pub(super) struct KnownSites {
    policy: watch::Receiver<Arc<Policy>>,
    /// Counts the looks at the metadata; without it nobody looks.
    looks: Option<watch::Receiver<u64>>,
    /// The ids of the policy that was at hand last.
    sites: Mutex<Arc<Sites>>,
}

impl KnownSites {
    pub(super) fn new(policy: watch::Receiver<Arc<Policy>>, looks: Option<watch::Receiver<u64>>) -> Self {
        Self { policy, looks, sites: Mutex::default() }
    }

    /// Those of the policy at hand.
    pub(super) fn now(&self) -> Arc<Sites> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = self.policy.borrow();
        if policy.policy_id != sites.policy_id() {
            *sites = Arc::new(Sites::of(&policy));
        }
        Arc::clone(&sites)
    }

    /// Returns once the metadata has been looked at after this was called, or after `patience`: whether it has.
    pub(super) fn look_again(
        &self,
        patience: Duration,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        let looks = self.looks.clone();
        let wanted = looks.as_ref().map_or(0, |looks| looks.borrow().saturating_add(LOOKS));
        async move {
            let Some(mut looks) = looks else { return true };
            timeout(patience, looks.wait_for(|ended| *ended >= wanted))
                .await
                .is_ok_and(|looked| looked.is_ok())
        }
    }
}
