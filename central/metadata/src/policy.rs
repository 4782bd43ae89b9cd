//! What the edges must know of the websites, under an id that grows with every change, and the task that notices one.

use std::sync::Arc;
use std::time::Duration;

use footfall_proto::relay::{Policy, Site, SiteStatus};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::database::Database;
use super::value::{Row, Value};
use super::website::select;
use super::{Error, Metadata, Status, Website};

/// The revision, and whether nothing can be changed.
const REVISION: [&str; 2] =
    [include_str!("sql/sqlite/revision.sql"), include_str!("sql/postgresql/revision.sql")];

/// How often [`watch()`] asks for the revision. A change has to be on its way to the edges within two seconds.
const POLL: Duration = Duration::from_millis(500);

impl Metadata {
    /// Everything the edges need, as of one revision. Deleted websites are left out: to an edge they are unknown.
    pub async fn policy(&self) -> Result<Policy, Error> {
        self.snapshot().await.map(|(policy_id, websites)| policy(policy_id, websites))
    }

    /// Revision and websites, read in one transaction.
    async fn snapshot(&self) -> Result<(u64, Vec<Website>), Error> {
        let database = self.database()?;
        let mut transaction = database.begin_read().await?;
        let (policy_id, _) = revision(&transaction.rows(database.dialect(REVISION), &[]).await?)?;
        Ok((policy_id, select(&mut transaction, None).await?))
    }

    /// Lifts the revision above `known`, should it have fallen behind.
    async fn lift_revision(&self, known: u64) -> Result<(), Error> {
        let values = [Value::from(known.saturating_add(1) as i64)];
        self.database()?.rows(include_str!("sql/lift_revision.sql"), &values).await.map(drop)
    }
}

fn policy(policy_id: u64, websites: Vec<Website>) -> Policy {
    Policy { policy_id, sites: websites.into_iter().map(Site::from).collect() }
}

/// The revision, and whether the database is read-only.
fn revision(rows: &[Row]) -> Result<(u64, bool), Error> {
    let unreadable = |reason: &str| Error::Malformed {
        what: "policy_revision".to_owned(),
        column: "revision",
        reason: reason.to_owned(),
    };
    let row = rows.first().ok_or_else(|| unreadable("it has no row"))?;
    let revision = u64::try_from(row.whole("revision")?).map_err(|_| unreadable("it is negative"))?;
    Ok((revision, row.flag("read_only")?))
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
                Status::Paused | Status::Deleted => SiteStatus::Paused,
            }
            .into(),
            bot_filtering_enabled: website.bot_filtering_enabled,
            ip_anonymization_enabled: website.ip_anonymization_enabled,
            sampling_rate: website.sampling_rate,
            timezone: website.timezone,
        }
    }
}

/// Opens the database if it is not open, and sends the policy whenever there is another one than `tx` holds, until `shutdown`. Changes
/// are noticed whoever makes them, this process or another. A database that does not answer is asked again; the edges keep what they have
/// meanwhile, and [`Metadata::fault`] says why.
pub async fn watch(metadata: Metadata, tx: watch::Sender<Arc<Policy>>, shutdown: CancellationToken) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let known = tx.borrow().policy_id;
        let look = async {
            ticks.tick().await;
            look(&metadata, known).await
        };
        let seen = tokio::select! {
            () = shutdown.cancelled() => return,
            seen = look => seen,
        };
        let answered = seen.is_ok();
        let (changed, fault) = match seen {
            Ok(Seen { changed, read_only: false }) => (changed, None),
            Ok(Seen { changed, read_only: true }) => {
                (changed, Some(Error::ReadOnly { location: Arc::clone(&metadata.inner.location) }))
            }
            Err(refused @ Error::Refused { .. }) => (None, Some(renewed(&metadata).err().unwrap_or(refused))),
            Err(error) => (None, Some(error)),
        };
        match (&fault, metadata.fault()) {
            (None, Some(_)) => tracing::info!("{} is as it should be again", metadata.inner.location),
            (Some(fault), before) if before.as_deref() != Some(&fault.to_string()) => {
                tracing::error!("{fault}; central goes on with what it knows");
            }
            _ => {}
        }
        metadata.set_fault(fault.as_ref());
        if let Some((policy_id, websites)) = changed {
            tracing::info!(policy_id, sites = websites.len(), "policy changed");
            metadata.inner.known.store(Some(Arc::new(websites.clone())));
            tx.send_replace(Arc::new(policy(policy_id, websites)));
        }
        if answered {
            metadata.inner.looks.send_modify(|looks| *looks += 1);
        }
    }
}

fn renewed(metadata: &Metadata) -> Result<(), Error> {
    metadata.inner.database.get().map_or(Ok(()), Database::renew)
}

/// What one look at the database found.
struct Seen {
    /// Revision and websites, if they are not those that were known.
    changed: Option<(u64, Vec<Website>)>,
    read_only: bool,
}

async fn look(metadata: &Metadata, known: u64) -> Result<Seen, Error> {
    metadata.connect().await?;
    let database = metadata.database()?;
    let (revision, read_only) = revision(&database.rows(database.dialect(REVISION), &[]).await?)?;
    if revision < known {
        // A copy was restored, or a standby took over that had not heard of the last changes. No edge would take what is there now.
        tracing::warn!(revision, known, "the metadata is older than it was; it is what counts from now on");
        metadata.lift_revision(known).await?;
    } else if revision == known {
        return Ok(Seen { changed: None, read_only });
    }
    Ok(Seen { changed: Some(metadata.snapshot().await?), read_only })
}
