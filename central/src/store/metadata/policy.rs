//! What the edges must know of the websites, under an id that grows with every change, and the task that notices one.

use std::sync::Arc;
use std::time::Duration;

use footfall_proto::relay::{Policy, Site, SiteStatus};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::website::select;
use super::{Error, Metadata, Status, Website};

/// How often [`watch()`] asks for the revision. A change has to be on its way to the edges within two seconds.
const POLL: Duration = Duration::from_millis(500);

impl Metadata {
    /// Everything the edges need, as of one revision. Deleted websites are left out: to an edge they are unknown.
    pub async fn policy(&self) -> Result<Policy, Error> {
        // One read transaction: revision and websites are of the same moment.
        let mut moment = self.pool.begin().await?;
        let policy_id = revision(&mut moment).await?;
        let websites = select(&mut moment, None).await?;
        moment.rollback().await?;
        Ok(Policy { policy_id, sites: websites.into_iter().map(Site::from).collect() })
    }

    pub(super) async fn revision(&self) -> Result<u64, Error> {
        revision(&mut *self.pool.acquire().await?).await
    }
}

async fn revision(connection: &mut sqlx::SqliteConnection) -> Result<u64, Error> {
    let revision: i64 =
        sqlx::query_scalar("SELECT revision FROM policy_revision").fetch_one(connection).await?;
    Ok(revision.unsigned_abs())
}

impl From<Website> for Site {
    fn from(website: Website) -> Self {
        Self {
            website_id: website.website_id,
            tracking_id: website.tracking_id,
            domain: website.domain,
            extra_domains: website.extra_domains,
            status: match website.status {
                Status::Active => SiteStatus::Active,
                Status::Paused => SiteStatus::Paused,
            }
            .into(),
            bot_filtering_enabled: website.bot_filtering_enabled,
            ip_anonymization_enabled: website.ip_anonymization_enabled,
            sampling_rate: website.sampling_rate,
            timezone: website.timezone,
        }
    }
}

/// Sends the policy whenever the database holds another one than `tx` does, until `shutdown`. Changes are noticed whoever makes them,
/// this process or another. A database that does not answer is asked again; the edges keep what they have meanwhile.
pub async fn watch(metadata: Metadata, tx: watch::Sender<Arc<Policy>>, shutdown: CancellationToken) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answering = true;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let known = tx.borrow().policy_id;
        match changed_since(&metadata, known).await {
            Ok(changed) => {
                if !answering {
                    tracing::info!("the metadata database answers again");
                }
                answering = true;
                if let Some(policy) = changed {
                    tracing::info!(
                        policy_id = policy.policy_id,
                        sites = policy.sites.len(),
                        "policy changed"
                    );
                    tx.send_replace(Arc::new(policy));
                }
            }
            Err(error) => {
                if answering {
                    tracing::warn!(%error, "the policy cannot be read; the edges keep the last one");
                }
                answering = false;
            }
        }
    }
}

async fn changed_since(metadata: &Metadata, known: u64) -> Result<Option<Policy>, Error> {
    if metadata.revision().await? == known { Ok(None) } else { metadata.policy().await.map(Some) }
}
