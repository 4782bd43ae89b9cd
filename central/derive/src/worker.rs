//! Does one step: its statements one after the other, then how far all is now. What a kill leaves half done is done again under a higher
//! version; nothing of it counts before the progress is written. Decides nothing about when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use footfall_clickhouse::{PartitionStatements, Statement, StoreError, Table, Value};
use footfall_metadata as metadata;
use footfall_tables::events::EVENTS;
use footfall_tables::{
    conversions, derivation, hourly_visits, page_view_rollups, page_views_hourly, sessions, summaries,
    traffic_sources_daily,
};

use super::dimensions::{Dimensions, SAID_DAYS};
use super::goals::{Goals, Named};
use super::progress::{Available, DAY_MS, Progress};
use super::request::{Pending, Row};
use super::session_parts::parts;
use super::statements::{self as sql, DAILY, HOURLY, Scope, with_cells, with_users};
use super::step::{Again, Step};

/// The tables whose rows are computed.
const TABLES: [&Table; 10] = [
    &derivation::DERIVATION_PROGRESS,
    &derivation::DERIVATION_REQUESTS,
    &sessions::SESSIONS,
    &conversions::CONVERSIONS,
    &page_views_hourly::PAGE_VIEWS_HOURLY,
    &page_view_rollups::PAGE_VIEW_ROLLUPS,
    &summaries::HOURLY_SUMMARY,
    &summaries::DAILY_SUMMARY,
    &traffic_sources_daily::TRAFFIC_SOURCES_DAILY,
    &hourly_visits::HOURLY_VISITS,
];

/// What a step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Sessions that were computed.
    pub(crate) sessions: u64,
    /// Cells of hours and days.
    pub(crate) cells: u64,
    /// What the statements took.
    pub(crate) took: Duration,
}

/// Computes the rows of one partition's websites.
pub(crate) struct Worker {
    statements: PartitionStatements,
    scope: Scope,
    /// Of the rows that were written last.
    version: u64,
}

/// A version has the lease's token above this many bits, and milliseconds since 1970 below.
const CLOCK_BITS: u32 = 44;

/// Why a step was not done. It is done again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The event store. See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the step had noted was gone before it was done: the server was started again. Transient.
    #[error("the event store has forgotten what was being computed; it is computed again")]
    Forgotten,
    /// Another central has the partition by now. Permanent for this one.
    #[error("another central computes this partition by now")]
    Fenced,
}

impl Worker {
    /// For a partition's websites, under a lease.
    pub(crate) fn new(statements: PartitionStatements, scope: Scope) -> Self {
        Self { statements, scope, version: 0 }
    }

    /// How far the partition is as the store says, if it has begun. Nobody else writes its rows any more once this has returned.
    pub(crate) async fn take_over(&mut self, now: i64) -> Result<Option<Progress>, WorkError> {
        self.statements.end_running(&TABLES).await?;
        let Some(progress) = self.progress().await? else { return Ok(None) };
        self.save(&progress, now).await?;
        // What an older lease had sent before that: it has ended, or writes nothing.
        self.statements.end_running(&TABLES).await?;
        Ok(Some(progress))
    }

    async fn progress(&mut self) -> Result<Option<Progress>, WorkError> {
        type Row = (u64, i64, i64, i64, i64, i64, i64, u64, u64);
        let statement = self.scope.statement(sql::PROGRESS, 0);
        let rows: Vec<Row> = self.statements.fetch_all(&statement).await?;
        let Some(row) = rows.first().copied() else {
            return Ok(None);
        };
        let (
            log_offset,
            whole_from,
            whole_to,
            sessions_from,
            sessions_to,
            past_from,
            visits_from,
            token,
            version,
        ) = row;
        if token > self.scope.token {
            return Err(WorkError::Fenced);
        }
        self.version = version;
        Ok(Some(Progress {
            log_offset,
            whole_from,
            whole_to,
            sessions_from,
            sessions_to,
            past_from,
            visits_from,
        }))
    }

    /// Writes down how far the partition is.
    pub(crate) async fn save(&mut self, progress: &Progress, now: i64) -> Result<(), WorkError> {
        let version = self.next_version(now);
        self.statements.execute(&self.scope.save(progress, version)).await?;
        if self.progress().await?.as_ref() == Some(progress) { Ok(()) } else { Err(WorkError::Fenced) }
    }

    /// The first and last time of the events of a stretch of the log; nothing where it has none.
    pub(crate) async fn times(&mut self, from: u64, to: u64) -> Result<Option<(i64, i64)>, WorkError> {
        // What most replicas have, this one may still lack.
        self.statements.catch_up(&EVENTS).await?;
        let statement = self.scope.statement(sql::BOUNDS, to).with("from", Value::Number(from));
        let (events, first, last) = self.statements.fetch_one::<(u64, i64, i64)>(&statement).await?;
        Ok((events > 0).then_some((first, last)))
    }

    /// When the first event below an offset was received; nothing where there is none.
    pub(crate) async fn earliest(&mut self, to: u64) -> Result<Option<i64>, WorkError> {
        let (time, events) =
            self.statements.fetch_one::<(i64, u64)>(&self.scope.statement(sql::EARLIEST_EVENT, to)).await?;
        Ok((events > 0).then_some(time))
    }

    /// When the last event below an offset was received, of those received since; or `since` itself.
    pub(crate) async fn newest(&mut self, to: u64, since: i64) -> Result<i64, WorkError> {
        let statement = self.scope.statement(sql::NEWEST_EVENT, to).with("since", Value::Millis(since));
        let (time, events) = self.statements.fetch_one::<(i64, u64)>(&statement).await?;
        Ok(if events > 0 { time.max(since) } else { since })
    }

    /// Whether a step would compute anything: there are new events, an hour has become whole, or a session may have ended.
    pub(crate) async fn has_work(&mut self, step: &Step) -> Result<bool, WorkError> {
        if step.offsets.0 < step.offsets.1 || step.has_cells() {
            return Ok(true);
        }
        let statement = self.of_step(sql::ENDING_EVENTS, step, 0, 0);
        Ok(self.statements.fetch_one::<u64>(&statement).await? > 0)
    }

    /// What is to be computed again, if anything is.
    pub(crate) async fn pending(&mut self) -> Result<Option<Pending>, WorkError> {
        let rows = self.statements.fetch_all::<Row>(&self.scope.statement(sql::REQUESTS, 0)).await?;
        Ok(rows.into_iter().next().and_then(Pending::read))
    }

    /// The first UTC day that there are events of, counted from 1970.
    pub(crate) async fn first_day(&mut self) -> Result<u16, WorkError> {
        Ok(self.statements.fetch_one::<u16>(&self.scope.statement(sql::FIRST_DAY, 0)).await?)
    }

    /// The newest request about the goals and dimensions of each website.
    pub(crate) async fn known_requests(&mut self) -> Result<BTreeMap<String, String>, WorkError> {
        let statement = self.scope.statement(sql::KNOWN_REQUESTS, 0);
        Ok(self.statements.fetch_all::<(String, String)>(&statement).await?.into_iter().collect())
    }

    /// The first and last UTC day of a request that is not done, counted from 1970.
    pub(crate) async fn open_days(&mut self, id: [u8; 16]) -> Result<Option<(u16, u16)>, WorkError> {
        let id = uuid::Uuid::from_bytes(id).to_string();
        let statement = self.scope.statement(sql::OPEN_DAYS, 0).with("request", id.as_str().into());
        Ok(self.statements.fetch_all::<(u16, u16)>(&statement).await?.first().copied())
    }

    /// A website's goals or dimensions have changed again: its earlier requests about them are done with the one that is written down next.
    pub(crate) async fn supersede(&mut self, website_id: &str, now: i64) -> Result<(), WorkError> {
        let version = self.next_version(now);
        let statement = self.scope.statement(sql::SUPERSEDE_REQUESTS, 0);
        let statement = statement.with("website", website_id.into()).with("version", Value::Number(version));
        Ok(self.statements.execute(&statement).await?)
    }

    /// Writes down how far one is.
    pub(crate) async fn save_pending(&mut self, pending: &Pending, now: i64) -> Result<(), WorkError> {
        let version = self.next_version(now);
        Ok(self
            .statements
            .execute(&pending.save(self.scope.statement(sql::SAVE_REQUEST, 0), version))
            .await?)
    }

    /// Does a step.
    pub(crate) async fn run(
        &mut self,
        step: &Step,
        goals: &Goals,
        dimensions: &Dimensions,
        now: i64,
    ) -> Result<Done, WorkError> {
        let begun = tokio::time::Instant::now();
        let version = self.next_version(now);
        self.forget().await?;
        let (noted, since, sessions) = self.sessions(step, goals, dimensions, version).await?;
        let cells = self.cells(step, version, since).await?;
        let statement = self.of_step(sql::STILL_THERE, step, version, since);
        if self.statements.fetch_one::<(u64, u64)>(&statement).await? != (noted, cells) {
            return Err(WorkError::Forgotten);
        }
        self.save(&step.next, now).await?;
        Ok(Done { sessions, cells, took: begun.elapsed() })
    }

    /// Empties what earlier steps noted.
    async fn forget(&mut self) -> Result<(), WorkError> {
        for sql in [
            "ALTER TABLE derivation_sessions DROP PARTITION {partition:UInt32}",
            "ALTER TABLE derivation_cells DROP PARTITION {partition:UInt32}",
        ] {
            let statement = self.scope.statement(sql, 0);
            self.statements.execute(&statement).await?;
        }
        Ok(())
    }

    /// The sessions that the step touches: how many rows were noted of them, when the first began, and how many have ended.
    async fn sessions(
        &mut self,
        step: &Step,
        goals: &Goals,
        dimensions: &Dimensions,
        version: u64,
    ) -> Result<(u64, i64, u64), WorkError> {
        type Counts = (u64, u64, u64, i64, i64);
        if step.offsets.0 == step.offsets.1 && step.ends.0 >= step.ends.1 {
            return Ok((0, step.oldest(), 0));
        }
        let oldest = step.oldest();
        let touched = self.of_step(sql::TOUCHED_SESSIONS, step, version, oldest);
        let said = self.said(step, dimensions).await?;
        self.statements.execute(&with_users(touched, dimensions, &said)).await?;
        if step.again == Again::Yes {
            self.execute(sql::STORED_SESSIONS, step, version, oldest).await?;
        }
        let count = self.of_step(sql::COUNT_SESSIONS, step, version, oldest);
        let mut counts: Counts = self.statements.fetch_one(&count).await?;
        if counts.2 > 0 {
            self.cut_long_sessions(step, version).await?;
            counts = self.statements.fetch_one(&count).await?;
        }
        let (noted, ended, _, first, last) = counts;
        if noted == 0 {
            return Ok((0, oldest, 0));
        }
        // Rows may have to go that began before; what is written begins with the first event of the step's sessions.
        let since = first.min(oldest);
        let mut websites = Vec::new();
        if ended > 0 {
            let statement = self.of_step(sql::SESSION_WEBSITES, step, version, first);
            websites = self.statements.fetch_all::<String>(&statement).await?;
            self.conversions(step, goals, &websites, version, first).await?;
        }
        if !goals.is_empty() {
            self.execute(sql::STALE_CONVERSIONS, step, version, since).await?;
        }
        if ended > 0 {
            let users: Vec<_> =
                websites.iter().filter(|id| dimensions.belongs_to_users(id)).cloned().collect();
            let statement = self
                .of_step(sql::SESSIONS, step, version, first)
                .with("said_from", Value::Millis(first - i64::from(SAID_DAYS) * DAY_MS))
                .with("said_to", Value::Millis(last))
                .with("hit_dimensions", dimensions.rows(&websites, metadata::Scope::Hit));
            self.statements.execute(&with_users(statement, dimensions, &users)).await?;
        }
        self.execute(sql::STALE_SESSIONS, step, version, since).await?;
        Ok((noted, since, ended))
    }

    /// The websites of the step's new events some of whose dimensions belong to users.
    async fn said(&mut self, step: &Step, dimensions: &Dimensions) -> Result<Vec<String>, WorkError> {
        if step.offsets.0 == step.offsets.1 || dimensions.with_users().next().is_none() {
            return Ok(Vec::new());
        }
        let statement = self.of_step(sql::STRETCH_WEBSITES, step, 0, 0);
        let mut websites = self.statements.fetch_all::<String>(&statement).await?;
        websites.retain(|website| dimensions.belongs_to_users(website));
        Ok(websites)
    }

    /// Cuts those that go on for more than a day, and notes the parts that the step may have changed.
    async fn cut_long_sessions(&mut self, step: &Step, version: u64) -> Result<(), WorkError> {
        let long = self.of_step(sql::LONG_SESSIONS, step, version, 0);
        for (website, session, is_bot) in self.statements.fetch_all::<(String, String, u8)>(&long).await? {
            let of_session = |statement: Statement| {
                statement
                    .with("session", session.as_str().into())
                    .with("is_bot", Value::Number(is_bot.into()))
            };
            let named = Step { website: Some(website.clone()), ..step.clone() };
            let times = of_session(self.of_step(sql::SESSION_TIMES, &named, version, 0));
            let times = self.statements.fetch_all::<i64>(&times).await?;
            let parts = parts(&session, &times).into_iter().filter(|part| part.last >= step.parts_from());
            let parts: Vec<_> = parts
                .map(|part| {
                    Value::Tuple(vec![
                        part.id.as_str().into(),
                        Value::Millis(part.first),
                        Value::Millis(part.last),
                    ])
                })
                .collect();
            if !parts.is_empty() {
                let insert = of_session(self.of_step(sql::SESSION_PARTS, &named, version, 0));
                self.statements.execute(&insert.with("parts", Value::List(parts))).await?;
            }
        }
        Ok(())
    }

    async fn conversions(
        &mut self,
        step: &Step,
        goals: &Goals,
        websites: &[String],
        version: u64,
        since: i64,
    ) -> Result<(), WorkError> {
        let websites = goals.websites(websites);
        if websites.is_empty() {
            return Ok(());
        }
        let listed = Value::List(websites.iter().map(|website| website.as_str().into()).collect());
        let mut values: BTreeSet<Named> = BTreeSet::new();
        if goals.compares(&websites) {
            let statement =
                self.of_step(sql::GOAL_VALUES, step, version, since).with("websites", listed.clone());
            values.extend(self.statements.fetch_all::<Named>(&statement).await?);
        }
        let statement = self
            .of_step(sql::CONVERSIONS, step, version, since)
            .with("websites", listed)
            .with("goals", goals.rows(&websites))
            .with("reached", goals.reached(&values));
        Ok(self.statements.execute(&statement).await?)
    }

    /// The cells that the step touches; how many.
    async fn cells(&mut self, step: &Step, version: u64, since: i64) -> Result<u64, WorkError> {
        if step.has_cells() {
            self.execute(sql::CELLS, step, version, since).await?;
        }
        self.execute(sql::DAY_CELLS, step, version, since).await?;
        let count = self.of_step(sql::COUNT_CELLS, step, version, since);
        let (hours, days, first_hour, last_hour, first_day, last_day) =
            self.statements.fetch_one::<(u64, u64, i64, i64, i64, i64)>(&count).await?;
        let hourly = HOURLY.iter().filter(|_| hours > 0);
        let daily = DAILY.iter().filter(|_| days > 0);
        for sql in hourly.chain(daily) {
            let statement = self.of_step(sql, step, version, since);
            let statement = with_cells(statement, (first_hour, last_hour), (first_day, last_day));
            self.statements.execute(&statement).await?;
        }
        Ok(hours + days)
    }

    async fn execute(
        &mut self,
        sql: &'static str,
        step: &Step,
        version: u64,
        since: i64,
    ) -> Result<(), WorkError> {
        let statement = self.of_step(sql, step, version, since);
        Ok(self.statements.execute(&statement).await?)
    }

    fn of_step(&self, sql: &'static str, step: &Step, version: u64, since: i64) -> Statement {
        self.scope.of_step(sql, step, version, since)
    }

    /// Above every version that this lease, or an older one, has used.
    fn next_version(&mut self, now: i64) -> u64 {
        let clock = u64::try_from(now).unwrap_or_default();
        self.version = ((self.scope.token << CLOCK_BITS) | clock).max(self.version + 1);
        self.version
    }
}

/// What the log and the store have beyond `progress`, if all below the offset `committed` is stored.
pub(crate) async fn look(
    worker: &mut Worker,
    from: u64,
    to: u64,
    at_end: bool,
    newest: i64,
    now: i64,
) -> Result<Available, WorkError> {
    let times = if to > from { worker.times(from, to).await? } else { None };
    let newest = times.map_or(newest, |(_, last)| newest.max(last));
    Ok(Available { to, at_end, times, newest, now })
}
