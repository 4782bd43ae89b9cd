//! The outside ledger: which events were sent and which were answered with success. Knows nothing of what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use uuid::Uuid;

/// Kept by the sender, apart from every server.
#[derive(Debug, Default)]
pub struct Ledger {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    sent: BTreeSet<Uuid>,
    answered: BTreeSet<Uuid>,
}

/// One event's rows: how many are marked as duplicates, and how many are not.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// With `is_duplicate = 0`.
    pub counted: u64,
    /// With `is_duplicate = 1`.
    pub marked: u64,
}

/// How what is stored differs from what was answered.
#[derive(Debug, Default)]
pub struct Difference {
    /// Answered with success, and not stored: lost.
    pub missing: Vec<Uuid>,
    /// Counted more than once.
    pub doubled: Vec<Uuid>,
    /// Stored, and never sent.
    pub invented: Vec<Uuid>,
}

impl Ledger {
    /// Before the request leaves: it may be stored from now on.
    pub fn sent(&self, ids: &[Uuid]) {
        self.pages.lock().expect("no holder panics").sent.extend(ids);
    }

    /// The edge answered success: it must be stored.
    pub fn answered(&self, ids: impl IntoIterator<Item = Uuid>) {
        self.pages.lock().expect("no holder panics").answered.extend(ids);
    }

    /// How many were answered with success.
    pub fn answered_count(&self) -> usize {
        self.pages.lock().expect("no holder panics").answered.len()
    }

    /// How many were sent and never answered with success: they may be stored once, or not.
    pub fn open_count(&self) -> usize {
        let pages = self.pages.lock().expect("no holder panics");
        pages.sent.difference(&pages.answered).count()
    }

    /// What is stored, beside what was answered.
    pub fn compare(&self, stored: &BTreeMap<Uuid, Rows>) -> Difference {
        let pages = self.pages.lock().expect("no holder panics");
        let counted = |id: &Uuid| stored.get(id).map_or(0, |rows| rows.counted);
        Difference {
            missing: pages.answered.iter().filter(|id| counted(id) == 0).copied().collect(),
            doubled: stored.iter().filter(|(_, rows)| rows.counted > 1).map(|(id, _)| *id).collect(),
            invented: stored.keys().filter(|id| !pages.sent.contains(*id)).copied().collect(),
        }
    }
}

impl Difference {
    /// Whether every answered event is there once, and nothing else.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.doubled.is_empty() && self.invented.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONCE: Rows = Rows { counted: 1, marked: 0 };

    #[test]
    fn an_event_that_was_answered_must_be_there_once_and_one_that_was_not_may_be_there_once() {
        let [answered, open, gone] = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3)];
        let ledger = Ledger::default();
        ledger.sent(&[answered, open, gone]);
        ledger.answered([answered]);
        assert!(ledger.compare(&BTreeMap::from([(answered, ONCE)])).is_none());
        assert!(
            ledger
                .compare(&BTreeMap::from([(answered, Rows { counted: 1, marked: 2 }), (open, ONCE)]))
                .is_none()
        );
        assert_eq!(ledger.compare(&BTreeMap::from([(open, ONCE)])).missing, [answered]);
        assert_eq!(
            ledger.compare(&BTreeMap::from([(answered, Rows { counted: 2, marked: 0 })])).doubled,
            [answered]
        );
        let other = Uuid::from_u128(9);
        assert_eq!(ledger.compare(&BTreeMap::from([(answered, ONCE), (other, ONCE)])).invented, [other]);
        assert_eq!((ledger.answered_count(), ledger.open_count()), (1, 2));
    }

    #[test]
    fn a_row_that_is_only_marked_does_not_count() {
        let id = Uuid::from_u128(1);
        let ledger = Ledger::default();
        ledger.sent(&[id]);
        ledger.answered([id]);
        assert_eq!(ledger.compare(&BTreeMap::from([(id, Rows { counted: 0, marked: 1 })])).missing, [id]);
    }
}
