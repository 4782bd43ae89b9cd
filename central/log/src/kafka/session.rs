//! From nothing to a log that works, and back: finds the topic, joins the group, takes partitions up and gives them up, begins a new
//! era after each failure, and looks every few seconds whether all is still as it was. One session is one incarnation of the log.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use super::archive::Archive;
use super::client::{Options, Voice};
use super::era::{Ends, Era};
use super::membership::{Change, Membership};
use super::origin::Origin;
use super::topic::{Topic, TopicError, Topics};
use crate::{DeadLetter, Metrics, Owned, Partition, backend};
use footfall_daemon::secret::Secret;

/// From one attempt to the next.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is looked whether the topic is still the same.
const LOOK: Duration = Duration::from_secs(5);
/// How long what is queued may take at the end; edges keep what is not acknowledged by then.
const FAREWELL: Duration = Duration::from_secs(5);

/// What appends, questions and the session share.
pub(super) struct Standing {
    state: Mutex<State>,
}

struct State {
    era: Option<Arc<Era>>,
    /// Why there is no era, or what else is wrong.
    faults: Vec<String>,
}

impl Standing {
    pub(super) fn new(options: &Options) -> Self {
        let fault = format!("Kafka at {} is not reached yet", options.bootstrap);
        Self { state: Mutex::new(State { era: None, faults: vec![fault] }) }
    }

    /// The era that takes records now.
    pub(super) fn era(&self) -> Option<Arc<Era>> {
        self.lock().era.clone()
    }

    /// What is wrong, in sentences.
    pub(super) fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    fn set_era(&self, era: Option<Arc<Era>>) {
        self.lock().era = era;
    }

    fn set_faults(&self, faults: Vec<String>) {
        self.lock().faults = faults;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What lasts as long as the process.
pub(super) struct Keeper {
    pub(super) options: Arc<Options>,
    pub(super) standing: Arc<Standing>,
    pub(super) owned: watch::Sender<Owned>,
    pub(super) metrics: Metrics,
    pub(super) voice: Voice,
    pub(super) stop: CancellationToken,
}

/// What lasts as long as the topic and our password are the same.
struct Session {
    topic: Topic,
    /// What every client of the session says.
    password: Option<Secret>,
    ends: Arc<Ends>,
    group: Arc<Membership>,
    archive: Archive,
    dead_letter: DeadLetter,
}

impl Keeper {
    /// Keeps a log going until told to stop.
    pub(super) async fn run(self) {
        while !self.stop.is_cancelled() {
            let fault = match self.begin().await {
                Ok((topics, session, changes)) => {
                    let ended = self.keep(&topics, &session, changes).await;
                    self.end(session).await;
                    ended
                }
                Err(error) => Some(error.to_string()),
            };
            if let Some(fault) = fault {
                tracing::error!(fault, "no log");
                self.standing.set_faults(vec![fault]);
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn begin(&self) -> Result<(Topics, Session, mpsc::UnboundedReceiver<Change>), TopicError> {
        let failed = |error: io::Error| TopicError::Kafka(error.to_string());
        let password = self.options.password().map_err(failed)?;
        let topics = Topics::new(self.options.clone(), self.voice.clone())?;
        let topic = tokio::select! {
            topic = topics.establish() => topic?,
            () = self.stop.cancelled() => return Err(TopicError::Kafka("stopping".into())),
        };
        let (sender, changes) = mpsc::unbounded_channel();
        let archive = Archive::new(&self.options, self.voice.clone()).map_err(failed)?;
        let dead_letter = DeadLetter::in_topic(archive.clone(), topic.incarnation, self.metrics.clone());
        let ends = Arc::new(Ends::new(self.options.partitions));
        let group = Membership::join(&self.options, self.voice.clone(), sender).map_err(failed)?;
        tracing::info!(incarnation = %topic.incarnation, topic = self.options.topic, "log open");
        let group = Arc::new(group);
        Ok((topics, Session { topic, password, ends, group, archive, dead_letter }, changes))
    }

    /// Goes on until the topic or our password is another, or all ends. Says why, when there is something to say.
    async fn keep(
        &self,
        topics: &Topics,
        session: &Session,
        mut changes: mpsc::UnboundedReceiver<Change>,
    ) -> Option<String> {
        let mut era = match self.begin_era(session) {
            Ok(era) => era,
            Err(sentence) => return Some(sentence),
        };
        self.standing.set_faults(session.topic.doubts.clone());
        let mut look = interval(LOOK);
        let mut looking = JoinSet::new();
        let mut opening = JoinSet::new();
        let mut terms: BTreeMap<u32, CancellationToken> = BTreeMap::new();
        // A topic that is deleted first takes its partitions from their owners: those lost since the topic was last seen.
        let mut lately = Owned::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = era.broken().cancelled() => {
                    self.standing.set_era(None);
                    let fault = era.fault().map(|(code, reason)| self.options.sentence(code, &reason));
                    self.standing.set_faults(fault.into_iter().collect());
                    let old = Arc::clone(&era);
                    let buried = tokio::task::spawn_blocking(move || old.bury()).await;
                    buried.expect("burying does not panic");
                    self.metrics.eras.inc();
                    era = match self.begin_era(session) {
                        Ok(era) => era,
                        Err(sentence) => return Some(sentence),
                    };
                }
                Some(change) = changes.recv() => match change {
                    Change::Gained(number, term) => {
                        terms.insert(number, term.clone());
                        opening.spawn(self.open(session, number, term));
                    }
                    Change::Lost(number) => {
                        terms.remove(&number);
                        tracing::info!(partition = number, "lost");
                        self.owned.send_modify(|owned| {
                            lately.extend(owned.extract_if(.., |_, partition| partition.lost().is_cancelled()));
                        });
                    }
                },
                Some(opened) = opening.join_next() => {
                    if let Some(partition) = opened.expect("opening does not panic")
                        && !partition.lost().is_cancelled()
                    {
                        tracing::info!(partition = partition.number(), end = partition.end(), "gained");
                        self.owned.send_modify(|owned| {
                            owned.insert(partition.number(), partition);
                        });
                    }
                }
                _ = look.tick(), if looking.is_empty() => {
                    let (topics, ends) = (topics.clone(), Arc::clone(&session.ends));
                    let (group, mine) = (Arc::clone(&session.group), terms.keys().copied().collect::<Vec<_>>());
                    let (owned, half) = (self.owned.borrow().clone(), self.options.retention / 2);
                    looking.spawn(async move {
                        let topic = topics.inspect().await?;
                        for partition in mine {
                            // Only a metric is older than it could be when this fails.
                            if let Ok(bounds) = group.bounds(partition).await {
                                ends.reached(partition, bounds.end);
                            }
                        }
                        for partition in owned.values() {
                            if let Err(error) = partition.look_back(half).await {
                                tracing::debug!(%error, "it is not known who is late");
                            }
                        }
                        Ok(topic)
                    });
                }
                Some(seen) = looking.join_next() => {
                    match seen.expect("looking does not panic") {
                        Ok(topic) if topic.incarnation != session.topic.incarnation => {
                            self.forsake(lately);
                            return Some(format!(
                                "topic {} of Kafka at {} was made again: it is another log now",
                                self.options.topic, self.options.bootstrap
                            ));
                        }
                        Ok(topic) => {
                            lately.clear();
                            self.voice.silence();
                            self.standing.set_faults(topic.doubts);
                        }
                        Err(error @ (TopicError::Missing(..) | TopicError::Partitions { .. })) => {
                            self.forsake(lately);
                            return Some(error.to_string());
                        }
                        Err(error) if self.options.password().is_ok_and(|now| now != session.password) => {
                            return Some(error.to_string());
                        }
                        Err(error) => self.standing.set_faults(vec![error.to_string()]),
                    }
                }
            }
        }
    }

    /// The topic is gone, and with it what the sinks had not taken: that is told.
    fn forsake(&self, lately: Owned) {
        let owned = self.owned.borrow().clone();
        for partition in lately.into_values().chain(owned.into_values()) {
            partition.forsake();
        }
    }

    fn begin_era(&self, session: &Session) -> Result<Arc<Era>, String> {
        let era = Era::begin(
            &self.options,
            session.topic.max_message_bytes,
            Arc::clone(&session.ends),
            self.voice.clone(),
            session.dead_letter.clone(),
            self.metrics.clone(),
        );
        let era = Arc::new(era.map_err(|error| error.to_string())?);
        self.standing.set_era(Some(Arc::clone(&era)));
        Ok(era)
    }

    /// Takes a partition up, however long that takes; nothing when it was lost before.
    fn open(
        &self,
        session: &Session,
        number: u32,
        term: CancellationToken,
    ) -> impl Future<Output = Option<Partition>> + Send + 'static + use<> {
        let (options, voice, metrics) = (self.options.clone(), self.voice.clone(), self.metrics.clone());
        let (group, archive) = (Arc::clone(&session.group), session.archive.clone());
        let (ends, dead_letter) = (Arc::clone(&session.ends), session.dead_letter.clone());
        let incarnation = session.topic.incarnation;
        async move {
            let opening = async {
                loop {
                    let opened = async {
                        let origin = Origin::open(
                            options.clone(),
                            voice.clone(),
                            Arc::clone(&group),
                            archive.clone(),
                            Arc::clone(&ends),
                            incarnation,
                            number,
                        );
                        let origin = backend::Origin::Kafka(origin.await?);
                        let (dead_letter, metrics, term) =
                            (dead_letter.clone(), metrics.clone(), term.clone());
                        let opened = Partition::open(
                            number,
                            incarnation,
                            origin,
                            dead_letter,
                            options.checkpoint_bytes,
                            metrics,
                            term,
                        );
                        opened.await.map_err(io::Error::other)
                    };
                    match opened.await {
                        Ok(partition) => return partition,
                        Err(error) => {
                            tracing::warn!(%error, partition = number, "cannot be taken up yet");
                            sleep(RETRY).await;
                        }
                    }
                }
            };
            tokio::select! {
                partition = opening => Some(partition),
                () = term.cancelled() => None,
            }
        }
    }

    async fn end(&self, session: Session) {
        let era = self.standing.era();
        self.standing.set_era(None);
        let owned = self.owned.send_replace(Owned::new());
        for partition in owned.values() {
            partition.lost().cancel();
        }
        let stopping = self.stop.is_cancelled();
        let ended = tokio::task::spawn_blocking(move || {
            if let Some(era) = era {
                if stopping {
                    era.finish(FAREWELL);
                }
                era.end("the log is closing");
                era.bury();
            }
            session.group.leave();
            session.archive.finish();
        });
        ended.await.expect("ending does not panic");
    }
}
