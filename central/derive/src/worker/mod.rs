//! Does one step: its statements one after the other, then how far all is now. What a kill leaves half done is done again under a higher
//! version; nothing of it counts before the progress is written. Decides nothing about when.

mod ended;

use std::collections::BTreeMap;
use std::time::Duration;

use footfall_clickhouse::{PartitionStatements, Statement, StoreError, Table, Value};
use footfall_tables::events::EVENTS;
use footfall_tables::{
    conversions, derivation, hourly_visits, page_view_rollups, page_views_hourly, sessions, summaries,
    traffic_sources_daily,
};

use super::dimensions::Dimensions;
use super::goals::Goals;
use super::progress::{Available, Progress};
use super::request::{Pending, Row};
use super::statements::{self as sql, DAILY, HOURLY, Scope, with_cells};
use super::step::Step;

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
