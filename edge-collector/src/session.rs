//! Sessions of visitors who keep no id themselves: one goes on until 30 minutes pass without an event. Pure and bounded.

use crate::generations::Generations;

/// Inactivity that ends a session, milliseconds.
pub const TIMEOUT_MS: i64 = 30 * 60 * 1000;
/// Sessions remembered per generation; twice that at most, about 60 bytes each.
pub const CAPACITY: usize = 250_000;

/// A session's id, 16 bytes; stored as a UUID in text form.
pub type SessionId = [u8; 16];

/// Who a session belongs to: a hash of website and user id.
pub type Owner = u128;

/// The running sessions.
#[derive(Debug)]
pub struct Sessions {
    running: Generations<Owner, Session>,
    aged_at_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    id: SessionId,
    last_ms: i64,
}

impl Sessions {
    /// None are running; two generations of `capacity` are remembered at most.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { running: Generations::new(capacity), aged_at_ms: 0 }
    }

    /// The owner's running session, or a new one whose id `make` gives; either way it was active at `now_ms`.
    pub fn touch(&mut self, owner: Owner, now_ms: i64, make: impl FnOnce() -> SessionId) -> SessionId {
        self.age(now_ms);
        if let Some(session) = self.running.touch(&owner)
            && is_near(session.last_ms, now_ms)
        {
            session.last_ms = session.last_ms.max(now_ms);
            return session.id;
        }
        let id = make();
        self.running.insert(owner, Session { id, last_ms: now_ms });
        id
    }

    /// The owner's session if it is still running; touches nothing.
    pub fn peek(&mut self, owner: Owner, now_ms: i64) -> Option<SessionId> {
        self.running
            .touch(&owner)
            .filter(|session| is_near(session.last_ms, now_ms))
            .map(|session| session.id)
    }

    /// Remembers what the journal says of a session, in the journal's order; of two at about the same time the later one stays.
    pub fn restore(&mut self, owner: Owner, id: SessionId, last_ms: i64) {
        self.age(last_ms);
        let earlier = |known: &mut Session| known.last_ms <= last_ms || !is_near(known.last_ms, last_ms);
        if self.running.touch(&owner).is_none_or(earlier) {
            self.running.insert(owner, Session { id, last_ms });
        }
    }

    /// Sessions remembered, running or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Half-hourly generations: what is in neither has been quiet for longer than a session lives.
    fn age(&mut self, now_ms: i64) {
        if !is_near(self.aged_at_ms, now_ms) {
            self.running.age();
            self.aged_at_ms = now_ms;
        }
    }
}

/// Whether no session that was active at one of the times has ended at the other. Before as well as after: what a clock that had leapt
/// ahead wrote down would otherwise be running until that time comes.
#[must_use]
pub fn is_near(one_ms: i64, other_ms: i64) -> bool {
    one_ms.abs_diff(other_ms) <= TIMEOUT_MS.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn a_session_goes_on_until_half_an_hour_of_silence() {
        let mut sessions = Sessions::new(100);
        assert_eq!(sessions.touch(1, 0, || [1; 16]), [1; 16]);
        assert_eq!(sessions.touch(1, TIMEOUT_MS, || [2; 16]), [1; 16]);
        assert_eq!(sessions.touch(1, 2 * TIMEOUT_MS, || [3; 16]), [1; 16]);
        assert_eq!(sessions.touch(1, 3 * TIMEOUT_MS + 1, || [4; 16]), [4; 16]);
        assert_eq!(sessions.touch(2, 3 * TIMEOUT_MS + 1, || [5; 16]), [5; 16]);
    }

    #[test]
    fn a_restored_session_goes_on() {
        let mut sessions = Sessions::new(100);
        sessions.restore(1, [7; 16], 1_000);
        sessions.restore(1, [6; 16], 900);
        assert_eq!(sessions.peek(1, 2_000), Some([7; 16]));
        assert_eq!(sessions.peek(1, 1_001 + TIMEOUT_MS), None);
        assert_eq!(sessions.touch(1, 1_000 + TIMEOUT_MS, || [9; 16]), [7; 16]);
    }

    /// Times as a clock tells them that is set, or broken.
    fn leaps() -> impl Strategy<Value = Vec<i64>> {
        let time = prop_oneof![
            any::<i64>(),
            Just(i64::MAX),
            Just(i64::MIN),
            NOW - 40 * TIMEOUT_MS..NOW + 40 * TIMEOUT_MS
        ];
        prop::collection::vec(time, 0..20)
    }

    const NOW: i64 = 1_800_000_000_000;

    proptest! {
        #[test]
        fn what_a_clock_told_that_had_leapt_keeps_no_session_running_or_remembered(leaps in leaps()) {
            let mut sessions = Sessions::new(1_000);
            for (owner, time) in leaps.iter().enumerate() {
                sessions.restore(owner as u128, [1; 16], *time);
                sessions.touch(owner as u128 / 2, *time, || [2; 16]);
                let _ = sessions.peek(owner as u128, *time);
            }
            let first = sessions.touch(0, NOW, || [3; 16]);
            prop_assert_eq!(sessions.touch(0, NOW + TIMEOUT_MS, || [4; 16]), first);
            // A clock that is at most so far ahead is no leap, and what it wrote down counts.
            let silence = 2 * TIMEOUT_MS + 1;
            prop_assert_eq!(sessions.touch(0, NOW + TIMEOUT_MS + silence, || [5; 16]), [5; 16]);
            sessions.touch(0, NOW + TIMEOUT_MS + 2 * silence, || [6; 16]);
            sessions.touch(0, NOW + TIMEOUT_MS + 3 * silence, || [7; 16]);
            prop_assert_eq!(sessions.len(), 1);
        }

        #[test]
        fn agrees_with_a_plain_map(steps in prop::collection::vec((0_u128..5, 0_i64..TIMEOUT_MS * 2), 1..200)) {
            let mut sessions = Sessions::new(1_000);
            let mut model: HashMap<u128, (u8, i64)> = HashMap::new();
            let mut now = 1_700_000_000_000;
            for (made, (owner, pause)) in steps.into_iter().enumerate() {
                now += pause / 7;
                let expected = match model.get(&owner) {
                    Some((id, last)) if now - last <= TIMEOUT_MS => *id,
                    _ => made as u8,
                };
                model.insert(owner, (expected, now));
                prop_assert_eq!(sessions.touch(owner, now, || [made as u8; 16]), [expected; 16]);
            }
        }
    }
}
