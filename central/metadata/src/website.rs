//! Reading and adding websites. Deleted ones are never seen here; their tracking ids stay taken.

use footfall_daemon::fault::Classify as _;
use serde::Serialize;
use uuid::Uuid;

use super::database::Transaction;
use super::input::{Domain, NewWebsite, TrackingId};
use super::value::{Row, Value};
use super::{Error, Metadata, Status};

const WEBSITES: &str = include_str!("sql/websites.sql");

/// No password hashes to this, so nobody can sign in until a password is set.
pub(super) const LOCKED_PASSWORD: &str = "!";

/// One website as the database holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Website {
    /// UUID in text form; what the events are stored under.
    pub website_id: String,
    /// What the tag names.
    pub tracking_id: String,
    /// What people call it.
    pub name: String,
    /// Where it is served.
    pub domain: String,
    /// Further domains whose pages may carry the tag.
    pub extra_domains: Vec<String>,
    /// Whose it is.
    pub owner: String,
    /// IANA name.
    pub timezone: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The owner's line of business.
    pub industry: Option<String>,
    /// Bots are left out.
    pub bot_filtering_enabled: bool,
    /// Addresses are cut before anything is stored.
    pub ip_anonymization_enabled: bool,
    /// Days.
    pub data_retention_days: u32,
    /// Share of events kept, 0.01 to 1.
    pub sampling_rate: f64,
    /// Active or paused.
    pub status: Status,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub updated_at: String,
}

/// What became of a website that was to be added.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Added {
    /// `false`: it was there before and was not changed.
    pub created: bool,
    /// As it is now.
    #[serde(flatten)]
    pub website: Website,
}

/// What is to be different about a website; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// What people call it.
    pub name: Option<String>,
    /// Where it is served.
    pub domain: Option<Domain>,
    /// Further domains, in the location of those before.
    pub extra_domains: Option<Vec<Domain>>,
    /// IANA name.
    pub timezone: Option<String>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// The owner's line of business; empty for none.
    pub industry: Option<String>,
    /// Leave bots out.
    pub bot_filtering_enabled: Option<bool>,
    /// Cut addresses before anything is stored.
    pub ip_anonymization_enabled: Option<bool>,
    /// Days.
    pub data_retention_days: Option<u32>,
    /// Share of events kept, 0.01 to 1.
    pub sampling_rate: Option<f64>,
}

impl Metadata {
    /// Every website that is not deleted, by name. While a server is away: as they were last seen.
    pub async fn websites(&self) -> Result<Vec<Website>, Error> {
        self.ask_or_cached(None).await
    }

    /// The website with this website id or tracking id. While a server is away: as it was last seen.
    pub async fn website(&self, id: &str) -> Result<Option<Website>, Error> {
        Ok(self.ask_or_cached(Some(id)).await?.pop())
    }

    /// Adds a website, and its owner if need be. A tracking id in use is an error.
    pub async fn add_website(&self, new: NewWebsite) -> Result<Website, Error> {
        let mut transaction = self.database()?.begin_write().await?;
        let website = insert(&mut transaction, &new).await?;
        transaction.commit().await?;
        Ok(website)
    }

    /// Adds a website unless there is one with its tracking id (or, where none is given, with its domain).
    pub async fn add_website_if_missing(&self, new: NewWebsite) -> Result<Added, Error> {
        let mut transaction = self.database()?.begin_write().await?;
        let known = match &new.tracking_id {
            Some(id) => select(&mut transaction, Some(id.as_str())).await?.pop(),
            None => select(&mut transaction, None)
                .await?
                .into_iter()
                .find(|site| site.domain == new.domain.as_str()),
        };
        let added = match known {
            Some(website) => Added { created: false, website },
            None => Added { created: true, website: insert(&mut transaction, &new).await? },
        };
        transaction.commit().await?;
        Ok(added)
    }

    /// Changes a website; as it is then.
    pub async fn change_website(&self, id: &str, change: Change) -> Result<Website, Error> {
        let mut transaction = self.database()?.begin_write().await?;
        let website = one(&mut transaction, id).await?;
        let values = [
            website.tracking_id.as_str().into(),
            change.name.into(),
            change.domain.as_ref().map(Domain::as_str).into(),
            change.timezone.into(),
            change.currency.into(),
            change.industry.into(),
            change.bot_filtering_enabled.into(),
            change.ip_anonymization_enabled.into(),
            change.data_retention_days.map(i64::from).into(),
            change.sampling_rate.into(),
        ];
        transaction.rows(include_str!("sql/change_website.sql"), &values).await?;
        if let Some(domains) = &change.extra_domains {
            set_extra_domains(&mut transaction, &website.tracking_id, domains).await?;
        }
        let website = one(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(website)
    }

    /// Pauses, resumes or deletes a website; as it was before. What is deleted is unknown from then on, its events are refused, and its
    /// tracking id stays taken.
    pub async fn set_website_status(&self, id: &str, status: Status) -> Result<Website, Error> {
        let mut transaction = self.database()?.begin_write().await?;
        let website = one(&mut transaction, id).await?;
        if website.status != status {
            let values = [website.tracking_id.as_str().into(), status.as_str().into()];
            transaction.rows(include_str!("sql/set_website_status.sql"), &values).await?;
            transaction.commit().await?;
        }
        Ok(website)
    }

    async fn ask_or_cached(&self, id: Option<&str>) -> Result<Vec<Website>, Error> {
        let known = self.inner.known.load_full();
        let recall = |known: &[Website]| {
            known.iter().filter(|site| id.is_none_or(|id| site.is(id))).cloned().collect()
        };
        if let (Some(known), true) = (&known, self.fault().is_some()) {
            return Ok(recall(known));
        }
        let asked = match self.database() {
            Ok(database) => database.rows(WEBSITES, &named(id)).await.and_then(|rows| read(&rows)),
            Err(error) => Err(error),
        };
        match (asked, known) {
            (Err(error), Some(known)) if error.is_transient() => {
                tracing::debug!(%error, "websites as they were last seen");
                Ok(recall(&known))
            }
            (asked, _) => asked,
        }
    }
}

impl Website {
    fn is(&self, id: &str) -> bool {
        self.website_id == id || self.tracking_id == id
    }
}

/// Reads websites within a transaction.
pub(super) async fn select(transaction: &mut Transaction, id: Option<&str>) -> Result<Vec<Website>, Error> {
    transaction.rows(WEBSITES, &named(id)).await.and_then(|rows| read(&rows))
}

async fn one(transaction: &mut Transaction, id: &str) -> Result<Website, Error> {
    let found = select(transaction, Some(id)).await?.pop();
    found.ok_or_else(|| Error::Unknown(format!("website {id}")))
}

/// What [`WEBSITES`] asks for: a tracking id is never a UUID.
fn named(id: Option<&str>) -> [Value; 2] {
    match id.map(|id| Uuid::try_parse(id).map_err(|_| id)) {
        None => [Value::Id(None), Value::Text(None)],
        Some(Ok(id)) => [id.into(), Value::Text(None)],
        Some(Err(id)) => [Value::Id(None), id.into()],
    }
}

async fn insert(transaction: &mut Transaction, new: &NewWebsite) -> Result<Website, Error> {
    let owner = [new.owner.as_str().into(), LOCKED_PASSWORD.into()];
    transaction.rows(include_str!("sql/add_owner.sql"), &owner).await?;
    let tracking_id = new.tracking_id.clone().unwrap_or_else(|| TrackingId::generate(fresh_random()));
    let values = [
        tracking_id.as_str().into(),
        new.domain.as_str().into(),
        new.name.as_str().into(),
        new.owner.as_str().into(),
        new.timezone.as_str().into(),
        new.bot_filtering_enabled.into(),
        new.ip_anonymization_enabled.into(),
        new.sampling_rate.into(),
    ];
    transaction.rows(include_str!("sql/add_website.sql"), &values).await.map_err(|error| {
        if error.is_duplicate() { Error::TrackingIdTaken(tracking_id.to_string()) } else { error }
    })?;
    if !new.extra_domains.is_empty() {
        set_extra_domains(transaction, tracking_id.as_str(), &new.extra_domains).await?;
    }
    let inserted = select(transaction, Some(tracking_id.as_str())).await?.pop();
    inserted.ok_or_else(|| Error::Unknown(format!("website {tracking_id}, which was just added")))
}

async fn set_extra_domains(
    transaction: &mut Transaction,
    tracking_id: &str,
    domains: &[Domain],
) -> Result<(), Error> {
    let domains: Vec<&str> = domains.iter().map(Domain::as_str).collect();
    let json = serde_json::json!(domains).to_string();
    let values = [tracking_id.into(), "extra_domains".into(), json.into()];
    transaction.rows(include_str!("sql/set_property.sql"), &values).await.map(drop)
}

fn fresh_random() -> [u8; 8] {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the system has randomness");
    random
}

fn read(rows: &[Row]) -> Result<Vec<Website>, Error> {
    rows.iter().map(Website::read).collect()
}

impl Website {
    fn read(row: &Row) -> Result<Self, Error> {
        let extra_domains = match row.optional_text("extra_domains")? {
            None => Vec::new(),
            Some(json) => {
                serde_json::from_str(&json).map_err(|error| row.malformed("extra_domains", &error))?
            }
        };
        let days = row.whole("data_retention_days")?;
        let data_retention_days =
            u32::try_from(days).map_err(|error| row.malformed("data_retention_days", &error))?;
        let sampling_rate = row.number("sampling_rate")?;
        Ok(Self {
            website_id: row.id("website_id")?,
            tracking_id: row.text("tracking_id")?,
            name: row.text("name")?,
            domain: row.text("domain")?,
            extra_domains,
            owner: row.text("owner_email")?,
            timezone: row.text("timezone")?,
            currency: row.text("currency")?,
            industry: row.optional_text("industry")?,
            bot_filtering_enabled: row.flag("bot_filtering_enabled")?,
            ip_anonymization_enabled: row.flag("ip_anonymization_enabled")?,
            data_retention_days,
            sampling_rate: sampling_rate.ok_or_else(|| row.malformed("sampling_rate", &"nothing"))?,
            status: row.word("status")?,
            created_at: row.timestamp("created_at")?,
            updated_at: row.timestamp("updated_at")?,
        })
    }
}
