//! Exactly-once delivery of rows into a store that can be killed at any moment: the store's own coordinates are the truth, tokens only
//! a guard. Knows neither SQL nor HTTP.
//!
//! After a start, and after any insert whose outcome is unknown, what still runs is ended, the store is asked which rows it has, the
//! others are inserted, and then counted: a store may have kept an insert's token without its rows, and swallows it then. Rows that
//! are there but should not be stop everything.

use std::future::Future;

use super::batch::Insert;
use footfall_clickhouse::{Coordinate, PartitionWriter, StoreError};
use footfall_daemon::fault::{Classify as _, Fault};

/// How often missing rows are sent under fresh tokens before the store is left in peace for a while.
const ATTEMPTS: u32 = 3;
/// More refused rows than this are no bad rows but a bad table.
const MAX_REFUSED: usize = 16;

/// What delivery needs of a store; the other implementation is the tests' store with every fault.
pub trait Table: Send {
    /// What can go wrong; an insert's outcome is then unknown.
    type Error: std::error::Error + Send + 'static;

    /// What to do about an error.
    fn fault(error: &Self::Error) -> Fault;
    /// The token of an insert; see [`Insert::token`].
    fn token(&self, insert: &Insert, fresh: u64) -> String;
    /// Ends what still runs and waits until it is gone.
    fn settle(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// The highest stored offset at or beyond `from`.
    fn highest(&mut self, from: u64) -> impl Future<Output = Result<Option<u64>, Self::Error>> + Send;
    /// The stored rows from offset `first` to `last` under a UTC day, ascending.
    fn stored(
        &mut self,
        first: u64,
        last: u64,
        day: u16,
    ) -> impl Future<Output = Result<Vec<Coordinate>, Self::Error>> + Send;
    /// Inserts rows, all or none, unless the token is known.
    fn insert(
        &mut self,
        insert: &Insert,
        token: String,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What is known of the rows below the doubtful offset.
#[derive(Clone, Copy)]
enum Known {
    /// Something may still run there.
    Unsettled,
    /// Nothing runs; this is the highest offset that is stored.
    Settled(Option<u64>),
}

/// Delivers batch after batch, in the order of the log.
pub struct Delivery<T> {
    table: T,
    /// Below this offset the store may hold rows, or tokens, of an earlier attempt.
    doubtful: u64,
    store: Known,
    /// Makes tokens that nobody used.
    random: fastrand::Rng,
    /// Rows that were stored before they were sent.
    pub(super) left_out: u64,
    /// Rows that were swallowed and sent again.
    pub(super) repaired: u64,
}

impl<T: Table> Delivery<T> {
    /// Begins anew. `doubtful` is the log's end: whoever delivered before cannot have gone beyond it. `seed` is random.
    pub fn new(table: T, doubtful: u64, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { table, doubtful, store: Known::Unsettled, random, left_out: 0, repaired: 0 }
    }

    /// Where it delivers to.
    pub(super) fn table(&self) -> &T {
        &self.table
    }

    /// Delivers a batch of the log's records `from..next`. Returns the rows that the store refuses as bad data; all others are
    /// stored exactly once. After an error, the same batch is to be given again.
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn deliver(
        &mut self,
        inserts: &[Insert],
        from: u64,
        next: u64,
    ) -> Result<Vec<Coordinate>, DeliveryError<T::Error>> {
        let delivered = self.attempt(inserts, from).await;
        if delivered.is_err() {
            self.doubtful = self.doubtful.max(next);
            self.store = Known::Unsettled;
        }
        delivered
    }

    async fn attempt(
        &mut self,
        inserts: &[Insert],
        from: u64,
    ) -> Result<Vec<Coordinate>, DeliveryError<T::Error>> {
        let mut refused = Vec::new();
        for insert in inserts {
            if insert.first().offset < self.doubtful {
                self.deliver_doubtful(insert, from, &mut refused).await?;
            } else {
                self.send(insert, 0, &mut refused).await?;
            }
        }
        Ok(refused)
    }

    async fn deliver_doubtful(
        &mut self,
        insert: &Insert,
        from: u64,
        refused: &mut Vec<Coordinate>,
    ) -> Result<(), DeliveryError<T::Error>> {
        let highest = if let Known::Settled(highest) = self.store {
            highest
        } else {
            self.table.settle().await?;
            self.table.highest(from).await?
        };
        self.store = Known::Settled(highest);
        let mut rest = insert.clone();
        if highest.is_some_and(|highest| highest >= insert.first().offset) {
            rest = self.missing(insert).await?;
            self.left_out += (insert.rows().len() - rest.rows().len()) as u64;
        }
        let mut fresh = 0;
        for _ in 0..ATTEMPTS {
            if rest.is_empty() {
                return Ok(());
            }
            self.send(&rest, fresh, refused).await?;
            refused.sort_unstable();
            rest = self.missing(insert).await?.without(refused);
            self.repaired += rest.rows().len() as u64;
            fresh = self.next_fresh();
        }
        if rest.is_empty() { Ok(()) } else { Err(DeliveryError::Swallowed(rest.rows().len())) }
    }

    /// The rows of an insert that the store does not have.
    async fn missing(&mut self, insert: &Insert) -> Result<Insert, DeliveryError<T::Error>> {
        let stored = self.table.stored(insert.first().offset, insert.last().offset, insert.day).await?;
        // The offsets of an insert may reach into the next insert's rows; whatever is within our own must be ours, and there once.
        let ours: Vec<_> =
            stored.into_iter().filter(|row| (insert.first()..=insert.last()).contains(row)).collect();
        let twice = ours.windows(2).any(|pair| pair[0] == pair[1]);
        let foreign = ours.iter().find(|row| insert.rows().binary_search(row).is_err());
        if twice || foreign.is_some() {
            return Err(DeliveryError::Surplus {
                first: insert.first().offset,
                last: insert.last().offset,
                day: insert.day,
            });
        }
        Ok(insert.without(&ours))
    }

    /// Sends an insert; where the store calls it bad data, finds the bad rows by halving.
    async fn send(
        &mut self,
        insert: &Insert,
        fresh: u64,
        refused: &mut Vec<Coordinate>,
    ) -> Result<(), DeliveryError<T::Error>> {
        let token = self.table.token(insert, fresh);
        match self.table.insert(insert, token).await {
            Ok(()) => return Ok(()),
            Err(error) if T::fault(&error) != Fault::Poison => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, rows = insert.rows().len(), "the store refuses rows as bad data");
            }
        }
        let mut parts = vec![insert.clone()];
        while let Some(part) = parts.pop() {
            if part.rows().len() == 1 {
                refused.push(part.first());
                if refused.len() > MAX_REFUSED {
                    return Err(DeliveryError::AllRefused);
                }
                continue;
            }
            let (left, right) = part.halves();
            for half in [right, left] {
                let fresh = self.next_fresh();
                let token = self.table.token(&half, fresh);
                match self.table.insert(&half, token).await {
                    Ok(()) => {}
                    Err(error) if T::fault(&error) == Fault::Poison => parts.push(half),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// One that no other process's attempt has had, never zero.
    fn next_fresh(&mut self) -> u64 {
        self.random.u64(1..)
    }
}

impl Table for PartitionWriter {
    type Error = StoreError;

    fn fault(error: &StoreError) -> Fault {
        error.fault()
    }

    fn token(&self, insert: &Insert, fresh: u64) -> String {
        insert.token(self.incarnation(), self.number(), fresh)
    }

    async fn settle(&mut self) -> Result<(), StoreError> {
        self.end_running_inserts().await
    }

    async fn highest(&mut self, from: u64) -> Result<Option<u64>, StoreError> {
        self.highest_offset(from).await
    }

    async fn stored(&mut self, first: u64, last: u64, day: u16) -> Result<Vec<Coordinate>, StoreError> {
        self.stored_coordinates(first, last, day).await
    }

    async fn insert(&mut self, insert: &Insert, token: String) -> Result<(), StoreError> {
        Self::insert(self, insert.block(), &token).await
    }
}

/// Why a batch is not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError<E> {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] E),
    /// The store says yes and keeps nothing.
    #[error("the event store swallowed {0} rows several times")]
    Swallowed(usize),
    /// Rows that were never sent, or rows that are there twice: going on could only hide it.
    #[error("the event store holds more rows of offsets {first} to {last}, day {day}, than the log has")]
    Surplus {
        /// First offset in question.
        first: u64,
        /// Last offset in question.
        last: u64,
        /// UTC day, counted from 1970.
        day: u16,
    },
    /// So many rows are refused that the table must be wrong, not the rows.
    #[error("the event store refuses every row: its table is not the one that rows are made for")]
    AllRefused,
}

impl<E> DeliveryError<E> {
    /// What to do about it; `store` judges the store's own errors.
    pub fn fault(&self, store: impl Fn(&E) -> Fault) -> Fault {
        match self {
            Self::Store(error) => store(error),
            Self::Swallowed(_) => Fault::Transient,
            Self::Surplus { .. } | Self::AllRefused => Fault::Permanent,
        }
    }
}

#[cfg(test)]
mod tests;
