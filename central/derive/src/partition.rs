//! Keeps what is derived of one partition's websites up to date, as long as this central has the partition and its lease. When a step is
//! taken is decided here, what it is in [`Progress`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use footfall_clickhouse::{EventStore, shard_of};
use footfall_log::Partition;
use footfall_metadata::{Dimension, Goal, Metadata};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::dimensions::{Dimensions, SAID_DAYS};
use super::goals::Goals;
use super::metrics::{Health, Metrics};
use super::pace::{Pace, Turns};
use super::progress::{DAY_MS, MAX_RECORDS, Progress};
use super::request::{Pending, Reason, Request, of_goals};
use super::statements::Scope;
use super::step::Step;
use super::worker::{Done, WorkError, Worker, look};

/// The sink whose commits say what is stored.
const EVENTS_SINK: &str = "clickhouse";
/// Marks the statements.
const PURPOSE: &str = "derive";
/// How long the lease of a partition lasts; it is renewed before each step.
const LEASE: Duration = Duration::from_secs(20);

/// What the computation of a partition needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) partition: Partition,
    pub(crate) partitions: u32,
    pub(crate) store: EventStore,
    pub(crate) metadata: Metadata,
    /// Who this central is: a name that no other has.
    pub(crate) holder: String,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) pace: Pace,
}

/// A partition under a lease.
struct Held {
    token: i64,
    worker: Worker,
    progress: Progress,
    /// When the newest event below the progress was received.
    newest: i64,
    turns: Turns,
    /// The newest request about the goals and dimensions of each website.
    known_requests: BTreeMap<String, String>,
    /// Whether the partition has only begun: its past is computed with today's goals and dimensions.
    is_new: bool,
}

/// Why nothing was computed just now.
#[derive(Debug, thiserror::Error)]
enum Unable {
    #[error(transparent)]
    Work(#[from] WorkError),
    #[error(transparent)]
    Metadata(#[from] footfall_metadata::Error),
    #[error("the log cannot say what is stored")]
    Unregistered,
    #[error("another central has its lease")]
    Elsewhere,
}

/// What came of a turn.
enum Turn {
    /// A step, and how long it took; more may be waiting.
    Step { took: Duration, more: bool },
    /// There was nothing to do.
    Nothing,
}

/// Runs until `stop`, or until the partition is another central's.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let number = context.partition.number();
    context.metrics.begin(number);
    let mut backoff = context.pace.backoff();
    let mut held = None;
    let mut random = fastrand::Rng::new();
    let turns = async {
        context.store.ready().await;
        loop {
            let wait = match turn(&context, &mut held).await {
                Ok(Turn::Step { took, more }) => {
                    backoff.reset();
                    context.pace.after(took, more)
                }
                Ok(Turn::Nothing) => {
                    backoff.reset();
                    context.pace.pause
                }
                Err(error) => {
                    held = None;
                    context.metrics.failed();
                    if !matches!(error, Unable::Elsewhere) {
                        tracing::warn!(partition = number, %error, "derived tables are not taken further");
                        context.health.fail(number, error.to_string());
                    }
                    backoff.next(random.u64(..))
                }
            };
            sleep(wait).await;
        }
    };
    tokio::select! {
        () = turns => {}
        () = stop.cancelled() => {}
        () = context.partition.lost().cancelled() => {}
    }
    context.health.forget(number);
    if let Some(Held { token, .. }) = held {
        let token = footfall_metadata::Token::from_number(token);
        let given_up = context.metadata.give_up_lease(&lease_of(&context), token).await;
        tracing::debug!(partition = number, ?given_up, "the lease is given up");
    }
}

fn lease_of(context: &Context) -> String {
    format!(
        "derive-{}-{}",
        uuid::Uuid::from_bytes(context.partition.incarnation().0),
        context.partition.number()
    )
}

async fn turn(context: &Context, held: &mut Option<Held>) -> Result<Turn, Unable> {
    let token = context.metadata.lease(&lease_of(context), &context.holder, LEASE).await?;
    let token = token.ok_or(Unable::Elsewhere)?.number();
    let committed = context.partition.committed_by(EVENTS_SINK).ok_or(Unable::Unregistered)?;
    if held.as_ref().is_none_or(|held| held.token != token) {
        *held = Some(begin(context, token, committed).await?);
    }
    let held = held.as_mut().expect("it has just begun");
    let owned = Owned::read(context).await?;
    note_changes(held, &owned, now_ms()).await?;
    let Held { worker, progress, newest, turns, .. } = held;
    let to = committed.min(progress.log_offset + MAX_RECORDS).max(progress.log_offset);
    let at_end = to == context.partition.end();
    let now = now_ms();
    let available = look(worker, progress.log_offset, to, at_end, *newest, now).await?;
    let number = context.partition.number();
    context.metrics.look(number, progress, committed.saturating_sub(progress.log_offset), now);
    let more = to < committed;
    let mut pending = worker.pending().await?;
    let waits = pending.is_some() || progress.has_past() || progress.lacks_visits();
    let mut step = progress.forward(available).filter(|step| more || step.is_worth_it(now));
    step = step.filter(|_| turns.may_go_forward(waits));
    if let Some(idle) = &step
        && !worker.has_work(idle).await?
    {
        // Only the clock has gone on: there is nothing to write down.
        *progress = idle.next;
        step = None;
    }
    turns.note(step.is_some());
    if step.is_some() {
        pending = None;
    } else {
        step = match pending.as_ref().and_then(Pending::next_day) {
            Some(day) => again(progress, pending.as_ref(), day, worker.first_day().await?),
            None => progress.back(),
        };
    }
    let mut done = Done::default();
    if let Some(step) = &step {
        let (goals, invalid) = Goals::new(&owned.goals);
        for (goal, reason) in invalid {
            tracing::warn!(goal, %reason, "a goal cannot be read and is not reached by anybody");
        }
        done = worker.run(step, &goals, &owned.dimensions, now).await?;
        context.metrics.count(done);
        *progress = step.next;
        if step.offsets.1 > step.offsets.0 {
            *newest = available.newest;
        }
    }
    context.health.at(number, *progress);
    if let Some(pending) = &mut pending {
        pending.done_from = pending.next_day().unwrap_or(pending.request.day_from);
        if pending.request.reason == Reason::Events && pending.next_day().is_none() {
            note_changed_users(worker, &owned, &pending.request, now).await?;
        }
        worker.save_pending(pending, now).await?;
        return Ok(Turn::Step { took: done.took, more: true });
    }
    Ok(match step {
        Some(_) => Turn::Step { took: done.took, more: more || waits },
        None => Turn::Nothing,
    })
}

/// The step that computes a day of a request again, as far as there is something. Days whose events are gone stay as they are, unless it is
/// their events that were changed.
fn again(progress: &Progress, pending: Option<&Pending>, day: u16, first_day: u16) -> Option<Step> {
    let request = &pending?.request;
    if day < first_day && request.reason != Reason::Events {
        return None;
    }
    let step = progress.again(i64::from(day) * DAY_MS, request.website_id.clone())?;
    // Goals change sessions and what is made of them; no hour.
    Some(if request.reason == Reason::Goals { step.without_hours() } else { step })
}

/// What the owners of the partition's websites said of them.
struct Owned {
    /// By website.
    goals: Vec<(String, Goal)>,
    dimensions: Dimensions,
}

impl Owned {
    async fn read(context: &Context) -> Result<Self, Unable> {
        let own = |website: &str| {
            shard_of(website, context.partitions as usize) == context.partition.number() as usize
        };
        let mut goals = context.metadata.all_goals().await?;
        goals.retain(|(website, _)| own(website));
        goals.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut dimensions: Vec<(String, Dimension)> = context.metadata.all_dimensions().await?;
        dimensions.retain(|(website, _)| own(website));
        Ok(Self { goals, dimensions: Dimensions::new(&dimensions) })
    }

    /// Websites that ever had a goal or a dimension.
    fn websites(&self) -> BTreeSet<&str> {
        let with_goals = self.goals.iter().map(|(website, _)| website.as_str());
        with_goals.chain(self.dimensions.websites()).collect()
    }

    fn goals_of(&self, website: &str) -> &[(String, Goal)] {
        let from = self.goals.partition_point(|(other, _)| other.as_str() < website);
        let to = self.goals.partition_point(|(other, _)| other.as_str() <= website);
        &self.goals[from..to]
    }

    /// The request that what was said of a website be applied to these days.
    fn request(&self, website: &str, days: (u16, u16), now: i64) -> Request {
        let goals = self.goals_of(website).iter().map(|(_, goal)| goal);
        of_goals(website, goals, self.dimensions.of(website), days, now)
    }
}

/// Requests that changed goals and dimensions be applied to the past, once. Those of a partition that has only begun are applied with the
/// past itself.
async fn note_changes(held: &mut Held, owned: &Owned, now: i64) -> Result<(), WorkError> {
    let is_new = std::mem::take(&mut held.is_new);
    let days = (day(held.progress.past_from), day(now));
    for website in owned.websites() {
        let request = owned.request(website, days, now);
        let id = uuid::Uuid::from_bytes(request.id).to_string();
        let known = held.known_requests.get(website);
        let says_nothing = owned.goals_of(website).is_empty() && owned.dimensions.of(website).is_none();
        if known == Some(&id) || known.is_none() && says_nothing {
            continue;
        }
        let pending = if is_new { Pending::done(request) } else { Pending::new(request) };
        held.worker.supersede(website, now).await?;
        held.worker.save_pending(&pending, now).await?;
        held.known_requests.insert(website.to_owned(), id);
    }
    Ok(())
}

/// Requests that sessions be computed again that ended after days whose events were changed: their users may have said something else there.
async fn note_changed_users(
    worker: &mut Worker,
    owned: &Owned,
    changed: &Request,
    now: i64,
) -> Result<(), WorkError> {
    let of_request = |website: &&str| changed.website_id.as_deref().is_none_or(|id| id == *website);
    let days = (changed.day_to.saturating_add(1), changed.day_to.saturating_add(SAID_DAYS).min(day(now)));
    if days.0 > days.1 {
        return Ok(());
    }
    for website in owned.dimensions.with_users().filter(of_request) {
        let request = owned.request(website, days, now);
        let open = worker.open_days(request.id).await?;
        worker.save_pending(&Pending::with_days(request, open), now).await?;
    }
    Ok(())
}

/// The UTC day of a time, counted from 1970.
fn day(time: i64) -> u16 {
    u16::try_from(time.div_euclid(DAY_MS)).unwrap_or_default()
}

async fn begin(context: &Context, token: i64, committed: u64) -> Result<Held, Unable> {
    let scope = Scope {
        incarnation: context.partition.incarnation().0,
        partition: context.partition.number(),
        partitions: context.partitions,
        token: u64::try_from(token).unwrap_or_default(),
    };
    let statements = context.store.partition_statements(PURPOSE, scope.partition);
    let mut worker = Worker::new(statements, scope);
    let now = now_ms();
    let known = worker.take_over(now).await?;
    let is_new = known.is_none();
    let progress = if let Some(progress) = known {
        progress
    } else {
        let newest = worker.newest(committed, 0).await?;
        let at_end = committed == context.partition.end();
        let available = look(&mut worker, committed, committed, at_end, newest, now).await?;
        let progress = Progress::begin(available, worker.earliest(committed).await?);
        worker.save(&progress, now).await?;
        progress
    };
    let newest = worker.newest(progress.log_offset, progress.sessions_to.max(progress.whole_to)).await?;
    let known_requests = worker.known_requests().await?;
    Ok(Held { token, worker, progress, newest, turns: Turns::default(), known_requests, is_new })
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
