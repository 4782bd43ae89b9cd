//! How much memory the bodies of all requests together may take: what has arrived of them, and what decompressing and decoding makes of
//! it. Nothing is taken for what a sender only announces. Knows neither HTTP nor what a body holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a body takes beyond a few page views is charged: so much it has in any case, in the buffer of its connection, and connections
/// are counted. Whoever fills the budget refuses large batches, and no page view.
pub const OWN_BYTES: usize = 4 * 1024;
/// One body may take the fourth part of what all others leave free, so that the largest are refused first.
const SHARE: usize = 4;

/// Bytes that all requests together may hold beyond [`OWN_BYTES`] each.
#[derive(Debug)]
pub struct MemoryBudget {
    held: AtomicUsize,
    limit: usize,
}

impl MemoryBudget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit })
    }

    /// Bytes charged.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// What one body takes: nothing yet.
    #[must_use]
    pub fn reservation(self: &Arc<Self>) -> Reservation {
        Reservation { budget: Arc::clone(self), bytes: 0 }
    }
}

/// What one body takes of a [`MemoryBudget`], given back when dropped. To be kept as long as what it stands for.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl Reservation {
    /// Bytes taken.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    /// [`Exhausted`]: what was taken before stays taken.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let (before, after) = (charged(self.bytes), charged(self.bytes.saturating_add(bytes)));
        if after > before {
            let fits = |held: usize| {
                let free = self.budget.limit.saturating_sub(held - before);
                (after <= free / SHARE).then(|| held - before + after)
            };
            let taken = self.budget.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
            taken.map_err(|_| Exhausted)?;
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes.min(bytes);
        let spare = charged(self.bytes) - charged(less);
        if spare > 0 {
            self.budget.held.fetch_sub(spare, Ordering::Relaxed);
        }
        self.bytes = less;
    }
}

fn charged(bytes: usize) -> usize {
    bytes.saturating_sub(OWN_BYTES)
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// All bodies together hold as much as they may. Transient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many bodies are being read")]
pub struct Exhausted;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 64 << 20;

    #[test]
    fn what_is_dropped_or_given_back_is_free_again() {
        let budget = MemoryBudget::new(LIMIT);
        let mut first = budget.reservation();
        first.grow(OWN_BYTES + 1_000).expect("free");
        first.grow(500).expect("free");
        first.shrink_to(OWN_BYTES + 700);
        first.shrink_to(OWN_BYTES + 900);
        assert_eq!((first.bytes(), budget.held()), (OWN_BYTES + 700, 700));
        drop(first);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn bodies_that_grow_as_far_as_they_may_refuse_large_ones_first_and_small_ones_never() {
        for (senders, passes, refused) in [(100, 1 << 20, 8 << 20), (10_000, OWN_BYTES, 16 << 10)] {
            let budget = MemoryBudget::new(LIMIT);
            let mut greedy: Vec<_> = (0..senders).map(|_| budget.reservation()).collect();
            for reservation in &mut greedy {
                // The largest body.
                while reservation.bytes() < 512 << 10 && reservation.grow(1_000).is_ok() {}
            }
            assert!(budget.held() <= LIMIT);
            budget.reservation().grow(passes).expect("room for this one");
            assert_eq!(budget.reservation().grow(refused), Err(Exhausted));
        }
    }

    proptest! {
        #[test]
        fn what_is_held_is_what_the_reservations_say_and_never_beyond_the_limit(
            steps in prop::collection::vec((0_usize..8, 0_usize..40_000, any::<bool>()), 0..200),
        ) {
            let budget = MemoryBudget::new(100_000);
            let mut reservations: Vec<_> = (0..8).map(|_| budget.reservation()).collect();
            for (index, bytes, grows) in steps {
                if grows {
                    let _ = reservations[index].grow(bytes);
                } else {
                    reservations[index].shrink_to(bytes);
                }
                let expected = reservations.iter().map(|reservation| charged(reservation.bytes())).sum::<usize>();
                prop_assert_eq!(budget.held(), expected);
                prop_assert!(budget.held() <= 100_000);
            }
        }
    }
}
