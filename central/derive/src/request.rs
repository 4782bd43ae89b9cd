//! What is to be computed again: days whose events were changed below what is derived already, websites whose goals or dimensions have
//! changed, and what a person asks for. A request is written down before the change, once for each partition, and done a day at a time, the newest first.

use footfall_clickhouse::{EventStore, Limits, Statement, StoreError, Value};
use footfall_metadata::Goal;
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hash as _;

use super::dimensions::Scopes;

/// What a statement about requests may use.
const LIMITS: Limits = Limits { seconds: 30, memory_bytes: 1 << 30 };
/// Marks the statements of whoever asks.
const PURPOSE: &str = "derive-request";

/// Why something is computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Events were changed: nothing that is derived of these days is believed until it is done.
    Events,
    /// A website's goals have changed, or what its dimensions belong to, or what its users said before.
    Goals,
    /// Somebody wants it.
    Rebuild,
}

/// Days of one website, or of all, that are to be computed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it is known by: the same on every partition.
    pub id: [u8; 16],
    /// Why.
    pub reason: Reason,
    /// The first UTC day, counted from 1970.
    pub day_from: u16,
    /// The last one.
    pub day_to: u16,
    /// Whose; all without it.
    pub website_id: Option<String>,
    /// Milliseconds since 1970.
    pub requested_at: i64,
}

/// A request as one partition has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) request: Request,
    /// This day and those behind it are done.
    pub(crate) done_from: u16,
}

/// A row of it.
pub(crate) type Row = (String, String, u16, u16, String, u16, i64);

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Goals => "goals",
            Self::Rebuild => "rebuild",
        }
    }
}

impl Pending {
    /// Before its first day.
    pub(crate) fn new(request: Request) -> Self {
        Self { done_from: request.day_to.saturating_add(1), request }
    }

    /// Behind its last one.
    pub(crate) fn done(request: Request) -> Self {
        Self { done_from: request.day_from, request }
    }

    /// Of more days, from the last one again, where some others of the request are not done.
    pub(crate) fn with_days(request: Request, open: Option<(u16, u16)>) -> Self {
        let (from, to) = open.unwrap_or((request.day_from, request.day_to));
        let (day_from, day_to) = (request.day_from.min(from), request.day_to.max(to));
        Self::new(Request { day_from, day_to, ..request })
    }

    /// From a row; nothing where another build wrote it.
    pub(crate) fn read(
        (id, reason, day_from, day_to, website_id, done_from, requested_at): Row,
    ) -> Option<Self> {
        let reason = [Reason::Events, Reason::Goals, Reason::Rebuild]
            .into_iter()
            .find(|known| known.word() == reason)?;
        let id = *uuid::Uuid::try_parse(&id).ok()?.as_bytes();
        let website_id = Some(website_id).filter(|id| !id.is_empty());
        Some(Self { request: Request { id, reason, day_from, day_to, website_id, requested_at }, done_from })
    }

    /// The day that comes next; nothing once it is done.
    pub(crate) fn next_day(&self) -> Option<u16> {
        self.done_from.checked_sub(1).filter(|day| *day >= self.request.day_from)
    }

    /// Adds its values to the statement that writes it down.
    pub(crate) fn save(&self, statement: Statement, version: u64) -> Statement {
        let Request { id, reason, day_from, day_to, website_id, requested_at } = &self.request;
        let state = if self.next_day().is_some() { "pending" } else { "done" };
        statement
            .with("request", uuid::Uuid::from_bytes(*id).to_string().as_str().into())
            .with("reason", reason.word().into())
            .with("day_from", Value::Number((*day_from).into()))
            .with("day_to", Value::Number((*day_to).into()))
            .with("website", website_id.as_deref().unwrap_or_default().into())
            .with("requested_at", Value::Millis(*requested_at))
            .with("done_from", Value::Number(self.done_from.into()))
            .with("state", state.into())
            .with("version", Value::Number(version))
    }
}

/// The request that a website's goals, and what its dimensions belong to, be applied to the past: the same id for the same ones, so that it is
/// made once.
pub(crate) fn of_goals<'a>(
    website_id: &str,
    goals: impl IntoIterator<Item = &'a Goal>,
    scopes: Option<&Scopes>,
    days: (u16, u16),
    now: i64,
) -> Request {
    let mut hasher = SipHasher13::new();
    website_id.hash(&mut hasher);
    for goal in goals {
        (&goal.goal_id, &goal.valid_to).hash(&mut hasher);
    }
    for (number, scope) in scopes.into_iter().flatten() {
        (number, scope.as_str()).hash(&mut hasher);
    }
    let id = hasher.finish128().as_bytes();
    Request {
        id,
        reason: Reason::Goals,
        day_from: days.0,
        day_to: days.1,
        website_id: Some(website_id.to_owned()),
        requested_at: now,
    }
}

/// Writes a request down for each partition of the log: what is to be changed may be changed then.
///
/// # Errors
/// [`StoreError`]; nothing may be changed then.
pub async fn request(store: &EventStore, partitions: u32, request: &Request) -> Result<(), StoreError> {
    for partition in 0..partitions {
        let statement = Statement::new(include_str!("sql/save_request.sql"), LIMITS);
        let statement = statement.with("partition", Value::Number(partition.into()));
        let mut statements = store.partition_statements(PURPOSE, partition);
        statements.execute(&Pending::new(request.clone()).save(statement, 0)).await?;
    }
    Ok(())
}

/// How far a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which.
    pub partition: u32,
    /// Events below this offset of its log are accounted for.
    pub log_offset: u64,
    /// Hours are whole up to here, milliseconds since 1970.
    pub whole_to: i64,
    /// Sessions whose last event was received no later have ended, milliseconds since 1970.
    pub sessions_to: i64,
}

/// How far the partitions are.
///
/// # Errors
/// [`StoreError`].
pub async fn positions(store: &EventStore, partitions: u32) -> Result<Vec<Position>, StoreError> {
    let mut positions = Vec::new();
    for partition in 0..partitions {
        let statement = Statement::new(include_str!("sql/positions.sql"), LIMITS);
        let statement = statement.with("partition", Value::Number(partition.into()));
        let mut statements = store.partition_statements(PURPOSE, partition);
        let rows = statements.fetch_all::<(u32, u64, i64, i64)>(&statement).await?;
        positions.extend(rows.into_iter().map(|(partition, log_offset, whole_to, sessions_to)| Position {
            partition,
            log_offset,
            whole_to,
            sessions_to,
        }));
    }
    Ok(positions)
}

/// How many days a request is still to be done for, by partition; nothing once it is done.
///
/// # Errors
/// [`StoreError`].
pub async fn left(
    store: &EventStore,
    partitions: u32,
    request: &Request,
) -> Result<Vec<(u32, u16)>, StoreError> {
    let mut left = std::collections::BTreeMap::new();
    for partition in 0..partitions {
        let id = uuid::Uuid::from_bytes(request.id).to_string();
        let statement =
            Statement::new(include_str!("sql/open_requests.sql"), LIMITS).with("request", id.as_str().into());
        let mut statements = store.partition_statements(PURPOSE, partition);
        for (partition, done_from) in statements.fetch_all::<(u32, u16)>(&statement).await? {
            left.insert(partition, done_from.saturating_sub(request.day_from));
        }
    }
    Ok(left.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(day_from: u16, day_to: u16) -> Request {
        Request { id: [7; 16], reason: Reason::Events, day_from, day_to, website_id: None, requested_at: 5 }
    }

    #[test]
    fn days_are_done_from_the_last_to_the_first() {
        let mut pending = Pending::new(request(10, 12));
        let mut days = Vec::new();
        while let Some(day) = pending.next_day() {
            days.push(day);
            pending.done_from = day;
        }
        assert_eq!(days, [12, 11, 10]);
        assert_eq!(Pending::new(request(0, 0)).next_day(), Some(0));
        assert_eq!(Pending { done_from: 0, request: request(0, 3) }.next_day(), None);
    }

    #[test]
    fn what_is_to_be_done_already_is_done_with_more_days() {
        let more = |open| {
            let pending = Pending::with_days(request(10, 12), open);
            (pending.request.day_from, pending.request.day_to, pending.next_day())
        };
        assert_eq!(more(None), (10, 12, Some(12)));
        assert_eq!(more(Some((3, 11))), (3, 12, Some(12)));
        assert_eq!(more(Some((11, 20))), (10, 20, Some(20)));
    }

    #[test]
    fn a_website_is_asked_for_again_when_dimensions_belong_to_something_else() {
        use footfall_metadata::Scope;
        let id = |scopes: &[(u8, Scope)]| {
            let scopes: Scopes = scopes.iter().copied().collect();
            of_goals("a", [], Some(&scopes), (0, 9), 5).id
        };
        let ids = [
            id(&[]),
            id(&[(1, Scope::User)]),
            id(&[(1, Scope::Hit)]),
            id(&[(2, Scope::User)]),
            id(&[(1, Scope::User), (2, Scope::User)]),
        ];
        assert_eq!(id(&[]), of_goals("a", [], None, (3, 4), 6).id, "as before there were any");
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    }

    #[test]
    fn a_row_is_read_as_it_was_written_and_an_unknown_reason_is_left_alone() {
        let row = |reason: &str| {
            (uuid::Uuid::from_bytes([7; 16]).to_string(), reason.to_owned(), 10, 12, String::new(), 11, 5)
        };
        assert_eq!(Pending::read(row("events")), Some(Pending { done_from: 11, request: request(10, 12) }));
        assert_eq!(Pending::read(row("flight")), None);
    }
}
