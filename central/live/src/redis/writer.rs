//! How one partition of the log is written. A key changes together with the position that it keeps for the partition, so that what comes
//! again is not counted again; the partition's own position follows when all keys are written.
//!
//! A server that was emptied (or restored from an old copy) no longer has the position where we left it. What came since then may be
//! there and what came before is not, so a new *generation* begins: the last hour is read again, and a key of an older generation is
//! begun afresh.

use fred::interfaces::HashesInterface as _;
use fred::types::Value;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::Redis;
use super::changes::{Changes, MinuteChange, SessionChange, minute_life_ms};
use super::connection::Connected;
use super::keys::{LONG_LIFE_MS, SESSION_GRACE_MS, SESSION_LIFE_MS, name};
use super::script::Script;
use crate::realtime::MAX_NAMES;
use crate::{LiveError, LiveEvent, SourcePartition};

/// Most keys of one call, where a server has all of them.
const KEYS_PER_CALL: usize = 64;
/// Most calls under way at once.
const CALLS: usize = 64;
/// Most sessions kept of one visitor, the newest.
const MAX_VISITS: i64 = 1000;
/// What scripts answer: it is counted; a newer generation has written.
const COUNTED: i64 = -1;
const OVERTAKEN: i64 = -2;

/// Writes one partition.
#[derive(Debug)]
pub struct Writer {
    redis: Redis,
    source: SourcePartition,
    name: String,
    /// The offset at which we left the partition, once it has begun.
    left: Option<u64>,
    /// The newest generation of ours.
    generation: i64,
}

impl Writer {
    pub(super) fn new(redis: Redis, source: SourcePartition) -> Self {
        Self { redis, source, name: name(source), left: None, generation: 0 }
    }

    /// Waits until there is a connection.
    pub(crate) async fn ready(&self) {
        self.redis.connection.ready().await;
    }

    /// Where the partition goes on; none when what we left there is gone.
    pub(crate) async fn begin(&mut self) -> Result<Option<u64>, LiveError> {
        let (generation, next) = self.held().await?;
        let Some(next) = next else { return Ok(None) };
        let kept = generation == self.generation && self.left.is_none_or(|left| next >= left);
        if generation > self.generation || kept {
            (self.generation, self.left) = (generation, Some(next));
            return Ok(Some(next));
        }
        Ok(None)
    }

    /// Begins a new generation at the offset `from`.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn restart(&mut self, from: u64, now_ms: i64) -> Result<(), LiveError> {
        let (held, _) = self.held().await?;
        let generation = now_ms.max(self.generation + 1).max(held + 1);
        let up = self.redis.connection.up()?;
        let key = self.redis.keys.position(self.source);
        let arguments = vec![generation.into(), number(from), LONG_LIFE_MS.into()];
        let begun: i64 = self.call(&up, Script::Generation, vec![key], arguments).await?;
        if begun == 0 {
            return Err(LiveError::Lost);
        }
        tracing::info!(
            partition = self.name,
            from,
            "Redis holds nothing of this partition; the last hour is read again"
        );
        (self.generation, self.left) = (generation, Some(from));
        Ok(())
    }

    /// Generation and position that Redis holds of the partition; generation 0 when it holds none.
    async fn held(&self) -> Result<(i64, Option<u64>), LiveError> {
        let up = self.redis.connection.up()?;
        let key = self.redis.keys.position(self.source);
        let held: Result<(Option<i64>, Option<u64>), _> =
            up.client.hmget(key, vec!["generation", "next"]).await;
        let (generation, next) = held.map_err(|error| self.redis.connection.away(&error))?;
        Ok((generation.unwrap_or(0), next))
    }

    /// Counts what was not counted before, then moves the position to `next`.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn apply(&mut self, next: u64, events: &[LiveEvent<'_>], now_ms: i64) -> Result<(), LiveError> {
        let left = self.left.ok_or(LiveError::Lost)?;
        let up = self.redis.connection.up()?;
        let changes = Changes::of(events, now_ms);
        self.minutes(&up, &changes, now_ms).await?;
        self.sessions(&up, &changes, now_ms).await?;
        self.visits(&up, &changes, now_ms).await?;
        let arguments = vec![self.generation.into(), number(left), number(next), LONG_LIFE_MS.into()];
        let key = self.redis.keys.position(self.source);
        let moved: i64 = self.call(&up, Script::Position, vec![key], arguments).await?;
        if moved == 0 {
            return Err(LiveError::Lost);
        }
        self.left = Some(next.max(left));
        Ok(())
    }

    async fn minutes(&self, up: &Connected, changes: &Changes<'_>, now_ms: i64) -> Result<(), LiveError> {
        let calls = changes.minutes.iter().filter_map(|((website_id, minute), events)| {
            let life = minute_life_ms(*minute, now_ms)?;
            Some(async move {
                let mut held = None;
                while let Some(change) = events.after(held) {
                    let keys = self.redis.keys.family(website_id, *minute);
                    let arguments = self.minute(&change, life);
                    match self.call(up, Script::Minute, keys, arguments).await? {
                        COUNTED => break,
                        OVERTAKEN => return Err(LiveError::Lost),
                        offset => held = Some(offset as u64),
                    }
                }
                Ok(())
            })
        });
        all(calls).await
    }

    async fn sessions(&self, up: &Connected, changes: &Changes<'_>, now_ms: i64) -> Result<(), LiveError> {
        let mut todo: Vec<_> = changes.sessions.iter().map(|(id, events)| (*id, events, None)).collect();
        // A second turn is for sessions whose position lies within the stretch.
        while !todo.is_empty() {
            let ready: Vec<_> = todo
                .iter()
                .filter_map(|(id, events, held)| Some((*id, *events, events.after(*held)?)))
                .collect();
            let calls = ready.chunks(self.keys_per_call()).map(|some| async move {
                let keys = some.iter().map(|(id, ..)| self.redis.keys.session(id)).collect();
                let mut arguments: Vec<Value> = vec![
                    self.name.as_str().into(),
                    self.generation.into(),
                    now_ms.into(),
                    SESSION_LIFE_MS.into(),
                    SESSION_GRACE_MS.into(),
                ];
                for (.., change) in some {
                    session(change, &mut arguments);
                }
                let answers: Vec<i64> = self.call(up, Script::Sessions, keys, arguments).await?;
                if answers.contains(&OVERTAKEN) {
                    return Err(LiveError::Lost);
                }
                let again = some.iter().zip(answers).filter(|(_, answer)| *answer != COUNTED);
                Ok(again
                    .map(|((id, events, _), answer)| (*id, *events, Some(answer as u64)))
                    .collect::<Vec<_>>())
            });
            let calls: Vec<_> = calls.collect();
            todo = stream::iter(calls).buffer_unordered(CALLS).try_concat().await?;
        }
        Ok(())
    }

    async fn visits(&self, up: &Connected, changes: &Changes<'_>, now_ms: i64) -> Result<(), LiveError> {
        let visits: Vec<_> = changes.visits.iter().collect();
        let calls = visits.chunks(self.keys_per_call()).map(|some| async move {
            let key = |((website, user, _), _): &(&(&str, &str, &str), &i64)| {
                self.redis.keys.sessions_of(website, user)
            };
            let mut arguments: Vec<Value> = vec![now_ms.into(), LONG_LIFE_MS.into(), MAX_VISITS.into()];
            for ((_, _, session), at_ms) in some {
                arguments.extend([Value::from(*session), Value::from(**at_ms)]);
            }
            let _: i64 = self.call(up, Script::Visits, some.iter().map(key).collect(), arguments).await?;
            Ok(())
        });
        all(calls).await
    }

    fn minute(&self, change: &MinuteChange<'_>, life_ms: i64) -> Vec<Value> {
        let mut arguments: Vec<Value> = vec![
            self.name.as_str().into(),
            self.generation.into(),
            number(change.first),
            number(change.last),
            life_ms.into(),
            number(MAX_NAMES as u64),
            number(change.pageviews),
            number(change.events),
            number(change.visitors.len() as u64),
        ];
        arguments.extend(change.visitors.iter().map(|visitor| Value::from(*visitor)));
        for list in &change.lists {
            arguments.push(number(list.len() as u64));
            for (name, pageviews) in list {
                arguments.extend([Value::from(name.as_str()), number(*pageviews)]);
            }
        }
        arguments
    }

    /// In a cluster, keys of several sessions are on several nodes.
    fn keys_per_call(&self) -> usize {
        if self.redis.connection.options().cluster { 1 } else { KEYS_PER_CALL }
    }

    async fn call<R: fred::types::FromValue>(
        &self,
        up: &Connected,
        script: Script,
        keys: Vec<String>,
        arguments: Vec<Value>,
    ) -> Result<R, LiveError> {
        up.scripts
            .run(&up.client, script, keys, arguments)
            .await
            .map_err(|error| self.redis.connection.away(&error))
    }
}

fn session(change: &SessionChange<'_>, arguments: &mut Vec<Value>) {
    arguments.extend([
        number(change.first),
        number(change.last),
        change.website_id.into(),
        change.user_id.into(),
        change.start_ms.into(),
        change.newest_ms.into(),
        number(change.pageviews),
        number(change.events),
        change.landing_page.as_str().into(),
        change.current_page.as_str().into(),
        change.device_type.into(),
        change.country.into(),
    ]);
}

async fn all<F: Future<Output = Result<(), LiveError>>>(
    calls: impl Iterator<Item = F>,
) -> Result<(), LiveError> {
    let calls: Vec<_> = calls.collect();
    stream::iter(calls).buffer_unordered(CALLS).try_collect().await
}

/// Offsets and counts lie far below what Redis and Lua count exactly (2^53).
fn number(value: u64) -> Value {
    Value::Integer(value as i64)
}
