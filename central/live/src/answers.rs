//! Answers of reports, kept for a few seconds under a name that says all about the question. A cache: losing it costs time only.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{LiveError, Redis};

/// Bytes of answers kept in this process; beyond them the ones that end first go.
const MAX_BYTES: usize = 32 << 20;

/// Where answers are kept.
#[derive(Clone, Debug)]
pub enum Answers {
    /// In this process.
    Memory(MemoryAnswers),
    /// In Redis, for every central.
    Redis(Redis),
}

impl Answers {
    /// An empty place in this process.
    #[must_use]
    pub fn memory() -> Self {
        Self::Memory(MemoryAnswers::default())
    }

    /// The answer of this name.
    ///
    /// # Errors
    /// [`LiveError`]: do without.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>, LiveError> {
        match self {
            Self::Memory(here) => Ok(here.get(name, Instant::now())),
            Self::Redis(redis) => redis.answer(name).await,
        }
    }

    /// Keeps an answer under this name for `life`.
    ///
    /// # Errors
    /// [`LiveError`]: do without.
    pub async fn put(&self, name: &str, answer: Bytes, life: Duration) -> Result<(), LiveError> {
        match self {
            Self::Memory(here) => {
                here.put(name, answer, Instant::now(), life);
                Ok(())
            }
            Self::Redis(redis) => redis.keep_answer(name, answer, milliseconds(life)).await,
        }
    }

    /// Whether no other process makes this answer, and `holder` does from now on, for at most `life`.
    ///
    /// # Errors
    /// [`LiveError`]: do without.
    pub async fn claim(&self, name: &str, holder: &str, life: Duration) -> Result<bool, LiveError> {
        match self {
            Self::Memory(_) => Ok(true),
            Self::Redis(redis) => redis.claim_answer(name, holder, milliseconds(life)).await,
        }
    }

    /// `holder` no longer makes this answer.
    ///
    /// # Errors
    /// [`LiveError`]: the claim then ends by itself.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), LiveError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(redis) => redis.release_answer(name, holder).await,
        }
    }
}

/// Answers in this process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryAnswers {
    shared: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<String, (Instant, Bytes)>,
    /// The same by when they end, with a number that tells equal instants apart.
    ends: BTreeMap<(Instant, u64), String>,
    count: u64,
    bytes: usize,
}

impl MemoryAnswers {
    fn get(&self, name: &str, now: Instant) -> Option<Bytes> {
        let mut kept = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(|end, _| end <= now);
        kept.answers.get(name).map(|(_, answer)| answer.clone())
    }

    fn put(&self, name: &str, answer: Bytes, now: Instant, life: Duration) {
        let mut kept = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, before)) = kept.answers.remove(name) {
            kept.bytes -= before.len() + name.len();
        }
        kept.count += 1;
        kept.bytes += answer.len() + name.len();
        let (end, count) = (now + life, kept.count);
        kept.ends.insert((end, count), name.to_owned());
        kept.answers.insert(name.to_owned(), (end, answer));
        kept.forget(|end, bytes| end <= now || bytes > MAX_BYTES);
    }
}

impl Kept {
    /// Forgets from the first to end on, as long as `over` says so of its end and of the bytes kept.
    fn forget(&mut self, over: impl Fn(Instant, usize) -> bool) {
        while let Some(entry) = self.ends.first_entry() {
            let (end, _) = *entry.key();
            if !over(end, self.bytes) {
                return;
            }
            let name = entry.remove();
            // An answer that was replaced has a later end.
            if self.answers.get(&name).is_some_and(|(kept, _)| *kept == end)
                && let Some((_, answer)) = self.answers.remove(&name)
            {
                self.bytes -= answer.len() + name.len();
            }
        }
    }
}

fn milliseconds(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(5);

    #[test]
    fn an_answer_ends_when_its_life_does_and_the_newest_counts() {
        let (shelf, now) = (MemoryAnswers::default(), Instant::now());
        shelf.put("a", Bytes::from_static(b"old"), now, LIFE);
        shelf.put("a", Bytes::from_static(b"new"), now + LIFE / 2, LIFE);
        assert_eq!(shelf.get("a", now + LIFE), Some(Bytes::from_static(b"new")));
        assert_eq!(shelf.get("a", now + LIFE * 2), None);
        let kept = shelf.shared.lock().unwrap();
        assert!(kept.answers.is_empty() && kept.ends.is_empty() && kept.bytes == 0);
    }

    #[test]
    fn the_bytes_are_bounded_and_what_ends_first_goes() {
        let (shelf, now) = (MemoryAnswers::default(), Instant::now());
        for number in 0..40_u32 {
            shelf.put(
                &number.to_string(),
                vec![0; 1 << 20].into(),
                now + Duration::from_millis(number.into()),
                LIFE,
            );
        }
        assert_eq!(shelf.get("0", now + LIFE / 2), None);
        assert!(shelf.get("39", now + LIFE / 2).is_some());
        assert!(shelf.shared.lock().unwrap().bytes <= MAX_BYTES);
    }
}
