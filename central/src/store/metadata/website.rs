//! Reading and adding websites. Deleted ones are never seen here; their tracking ids stay taken.

use serde::Serialize;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::new::{New, TrackingId};
use super::{Error, Metadata};

/// No password hashes to this, so nobody can sign in until a password is set.
const LOCKED_PASSWORD: &str = "!";

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

/// What central does with a website's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Takes them.
    Active,
    /// Refuses them until it is active again.
    Paused,
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

impl Metadata {
    /// Every website that is not deleted, by name.
    pub async fn websites(&self) -> Result<Vec<Website>, Error> {
        select(&mut *self.pool.acquire().await?, None).await
    }

    /// The website with this website id or tracking id.
    pub async fn website(&self, id: &str) -> Result<Option<Website>, Error> {
        Ok(select(&mut *self.pool.acquire().await?, Some(id)).await?.pop())
    }

    /// Adds a website, and its owner if need be. A tracking id in use is an error.
    pub async fn add_website(&self, new: New) -> Result<Website, Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let website = insert(&mut transaction, &new).await?;
        transaction.commit().await?;
        Ok(website)
    }

    /// Adds a website unless there is one with its tracking id (or, where none is given, with its domain).
    pub async fn add_website_if_missing(&self, new: New) -> Result<Added, Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
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
}

/// Reads websites on one connection, so that it can be a transaction's.
pub(super) async fn select(
    connection: &mut SqliteConnection,
    id: Option<&str>,
) -> Result<Vec<Website>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(include_str!("sql/websites.sql")).bind(id).fetch_all(connection).await?;
    rows.into_iter().map(Website::try_from).collect()
}

async fn insert(transaction: &mut Transaction<'_, Sqlite>, new: &New) -> Result<Website, Error> {
    sqlx::query(include_str!("sql/add_owner.sql"))
        .bind(new.owner.as_str())
        .bind(LOCKED_PASSWORD)
        .execute(&mut **transaction)
        .await?;
    let tracking_id = new.tracking_id.clone().unwrap_or_else(|| TrackingId::generate(fresh_random()));
    let website_id: String = sqlx::query_scalar(include_str!("sql/add_website.sql"))
        .bind(tracking_id.as_str())
        .bind(new.domain.as_str())
        .bind(&new.name)
        .bind(new.owner.as_str())
        .bind(&new.timezone)
        .bind(new.bot_filtering_enabled)
        .bind(new.ip_anonymization_enabled)
        .bind(new.sampling_rate)
        .fetch_one(&mut **transaction)
        .await
        .map_err(|error| match &error {
            sqlx::Error::Database(refusal) if refusal.is_unique_violation() => {
                Error::TrackingIdTaken(tracking_id.to_string())
            }
            _ => Error::Statement(error),
        })?;
    if !new.extra_domains.is_empty() {
        let domains: Vec<&str> = new.extra_domains.iter().map(super::Domain::as_str).collect();
        sqlx::query(include_str!("sql/add_extra_domains.sql"))
            .bind(&website_id)
            .bind(serde_json::json!(domains).to_string())
            .execute(&mut **transaction)
            .await?;
    }
    let inserted = select(transaction, Some(&website_id)).await?.pop();
    inserted.ok_or(Error::Statement(sqlx::Error::RowNotFound))
}

fn fresh_random() -> [u8; 8] {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the system has randomness");
    random
}

#[derive(sqlx::FromRow)]
struct Row {
    website_id: String,
    tracking_id: String,
    domain: String,
    extra_domains: Option<String>,
    name: String,
    owner_email: String,
    timezone: String,
    currency: String,
    bot_filtering_enabled: bool,
    ip_anonymization_enabled: bool,
    data_retention_days: u32,
    sampling_rate: f64,
    status: String,
    created_at: String,
    updated_at: String,
}

impl TryFrom<Row> for Website {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let malformed = |column| Error::Malformed { website_id: row.website_id.clone(), column };
        let status = match row.status.as_str() {
            "active" => Status::Active,
            "paused" => Status::Paused,
            _ => return Err(malformed("status")),
        };
        let extra_domains = match &row.extra_domains {
            None => Vec::new(),
            Some(json) => serde_json::from_str(json).map_err(|_| malformed("extra_domains"))?,
        };
        Ok(Self {
            website_id: row.website_id,
            tracking_id: row.tracking_id,
            name: row.name,
            domain: row.domain,
            extra_domains,
            owner: row.owner_email,
            timezone: row.timezone,
            currency: row.currency,
            bot_filtering_enabled: row.bot_filtering_enabled,
            ip_anonymization_enabled: row.ip_anonymization_enabled,
            data_retention_days: row.data_retention_days,
            sampling_rate: row.sampling_rate,
            status,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
