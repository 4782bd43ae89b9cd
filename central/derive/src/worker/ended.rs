//! The part of a step that is about sessions: which it touches, the rows of those that have ended, and the goals that they reached.

use std::collections::BTreeSet;

use footfall_clickhouse::{Statement, Value};
use footfall_metadata as metadata;

use super::super::dimensions::{Dimensions, SAID_DAYS};
use super::super::goals::{Goals, Named};
use super::super::progress::DAY_MS;
use super::super::session_parts::parts;
use super::super::statements::{self as sql, with_users};
use super::super::step::{Again, Step};
use super::{WorkError, Worker};

impl Worker {
    /// The sessions that the step touches: how many rows were noted of them, when the first began, and how many have ended.
    pub(super) async fn sessions(
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
            self.rows(step, dimensions, &websites, version, (first, last)).await?;
        }
        self.execute(sql::STALE_SESSIONS, step, version, since).await?;
        Ok((noted, since, ended))
    }

    /// The rows of those that have ended, with first and last events between two times.
    async fn rows(
        &mut self,
        step: &Step,
        dimensions: &Dimensions,
        websites: &[String],
        version: u64,
        (first, last): (i64, i64),
    ) -> Result<(), WorkError> {
        if websites.iter().all(|website| dimensions.of(website).is_none()) {
            return self.execute(sql::SESSIONS, step, version, first).await;
        }
        let users: Vec<_> = websites.iter().filter(|id| dimensions.belongs_to_users(id)).cloned().collect();
        let statement = self
            .of_step(sql::SCOPED_SESSIONS, step, version, first)
            .with("said_from", Value::Millis(first - i64::from(SAID_DAYS) * DAY_MS))
            .with("said_to", Value::Millis(last))
            .with("hit_dimensions", dimensions.rows(websites, metadata::Scope::Hit));
        Ok(self.statements.execute(&with_users(statement, dimensions, &users)).await?)
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
}
