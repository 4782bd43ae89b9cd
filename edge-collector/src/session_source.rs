//! Where each session came from: decided by its first event, and carried by every later one. Of a session that began where
//! this edge did not see it, the first event that names a sender decides. Pure and bounded, by entries and by bytes; knows no clock.

use std::sync::Arc;

use footfall_proto::traffic_source::TrafficSource;

use crate::enrich::source::Source;
use crate::generations::Generations;
use crate::session;

/// Sessions remembered per generation; twice that at most.
pub const CAPACITY: usize = 250_000;
/// Bytes of text per generation: texts come from strangers, who could make each session's as long as fields may be.
pub const CAPACITY_BYTES: usize = 8 << 20;
/// Sources per generation that sessions share. Most sessions of a site came from one of a few.
const SHARED: usize = 4096;

/// A session: a hash of website and session id, whoever made the id.
pub type SessionKey = u128;

/// What is known of how a session began.
#[derive(Debug, Clone)]
enum Beginning {
    /// By an event that said who sent the visit.
    Seen(Arc<Source>),
    /// Where this edge did not see it.
    Elsewhere,
}

impl Beginning {
    fn source(self) -> Option<Arc<Source>> {
        match self {
            Self::Seen(source) => Some(source),
            Self::Elsewhere => None,
        }
    }

    /// What one session costs of the text: its share. Its own reference is counted, and that of the table of shared ones.
    fn bytes(&self) -> usize {
        match self {
            Self::Seen(source) => {
                (size_of::<Source>() + source.text_bytes()) / (Arc::strong_count(source) - 1).max(1)
            }
            Self::Elsewhere => 0,
        }
    }
}

/// The sources of the sessions that go on.
#[derive(Debug)]
pub struct SessionSources {
    sessions: Generations<SessionKey, Beginning>,
    /// Sources as they were last decided, so that the next session of the same one shares its text.
    shared: Generations<Arc<Source>, ()>,
    capacity_bytes: usize,
    young_bytes: usize,
    aged_at_ms: i64,
}

impl SessionSources {
    /// Remembers nothing yet; two generations of each capacity are held at most.
    #[must_use]
    pub fn new(capacity: usize, capacity_bytes: usize) -> Self {
        Self {
            sessions: Generations::new(capacity),
            shared: Generations::new(SHARED),
            capacity_bytes,
            young_bytes: 0,
            aged_at_ms: 0,
        }
    }

    /// The source of the session that an event at `now_ms` belongs to. If it is the first that is known of the session,
    /// `decide` says what it tells; `None` if the session began elsewhere and no event of it has named a sender since.
    /// That nobody is named in the midst of a session does not make it direct.
    pub fn of_event(
        &mut self,
        session: SessionKey,
        now_ms: i64,
        decide: impl FnOnce() -> Option<Source>,
    ) -> Option<Arc<Source>> {
        self.age(now_ms);
        let decided = match self.known(session) {
            Some(Beginning::Seen(source)) => return Some(source),
            Some(Beginning::Elsewhere) => {
                Some(decide().filter(|source| source.class != TrafficSource::Direct)?)
            }
            None => decide(),
        };
        let beginning = match decided {
            Some(source) => Beginning::Seen(self.share(source)),
            None => Beginning::Elsewhere,
        };
        self.charge(beginning.bytes());
        self.sessions.insert(session, beginning.clone());
        beginning.source()
    }

    /// Sessions remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn known(&mut self, session: SessionKey) -> Option<Beginning> {
        let was_young = self.sessions.is_young(&session);
        let beginning = self.sessions.touch(&session)?;
        let bytes = beginning.bytes();
        let beginning = beginning.clone();
        if !was_young {
            self.charge(bytes);
        }
        Some(beginning)
    }

    /// The same source as another session has, if one has it.
    fn share(&mut self, source: Source) -> Arc<Source> {
        if let Some(shared) = self.shared.touch_key(&source) {
            return Arc::clone(shared);
        }
        let source = Arc::new(source);
        self.shared.insert(Arc::clone(&source), ());
        source
    }

    /// Begins a new generation once the young one holds too many bytes.
    fn charge(&mut self, bytes: usize) {
        self.young_bytes += bytes;
        if self.young_bytes > self.capacity_bytes {
            self.begin_generation();
        }
    }

    /// Half-hourly generations: what is in neither has been quiet for longer than a session lives.
    fn age(&mut self, now_ms: i64) {
        if !session::is_near(self.aged_at_ms, now_ms) {
            self.begin_generation();
            self.aged_at_ms = now_ms;
        }
    }

    fn begin_generation(&mut self) {
        self.sessions.age();
        self.shared.age();
        self.young_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::TIMEOUT_MS;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn named(name: &str) -> Source {
        Source { class: TrafficSource::Referral, name: name.into(), ..Source::unknown() }
    }

    fn name(source: Option<Arc<Source>>) -> Option<String> {
        source.map(|source| source.name.clone())
    }

    #[test]
    fn the_first_event_of_a_session_decides_for_all_of_it() {
        let mut sources = SessionSources::new(100, 1 << 20);
        assert_eq!(name(sources.of_event(1, 0, || Some(named("google")))), Some("google".into()));
        assert_eq!(name(sources.of_event(1, 1, || Some(named("bing")))), Some("google".into()));
        assert_eq!(name(sources.of_event(1, TIMEOUT_MS, || None)), Some("google".into()));
        assert_eq!(name(sources.of_event(2, 1, || Some(named("bing")))), Some("bing".into()));
    }

    #[test]
    fn a_session_that_began_elsewhere_is_unknown_until_an_event_names_a_sender() {
        let mut sources = SessionSources::new(100, 1 << 20);
        let direct = || Some(Source { class: TrafficSource::Direct, ..Source::unknown() });
        assert_eq!(sources.of_event(1, 0, || None), None);
        assert_eq!(sources.of_event(1, 1, direct), None, "an empty referrer says nothing of how it began");
        assert_eq!(name(sources.of_event(1, 2, || Some(named("google")))), Some("google".into()));
        assert_eq!(name(sources.of_event(1, 3, || Some(named("bing")))), Some("google".into()));
        assert!(sources.of_event(2, 0, direct).is_some());
    }

    #[test]
    fn a_session_that_was_quiet_for_two_generations_is_forgotten() {
        let mut sources = SessionSources::new(100, 1 << 20);
        sources.of_event(1, 0, || Some(named("google")));
        sources.of_event(2, TIMEOUT_MS + 1, || Some(named("x")));
        sources.of_event(2, 2 * TIMEOUT_MS + 2, || Some(named("x")));
        assert_eq!(sources.of_event(1, 2 * TIMEOUT_MS + 3, || None), None);
    }

    #[test]
    fn sessions_from_one_place_share_its_text() {
        let mut sources = SessionSources::new(100, 1 << 20);
        let first = sources.of_event(1, 0, || Some(named("google"))).expect("known");
        let second = sources.of_event(2, 0, || Some(named("google"))).expect("known");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn long_texts_that_stay_in_use_are_bounded_all_the_same() {
        const BYTES: usize = 100_000;
        let mut sources = SessionSources::new(10_000, BYTES);
        for round in 0..20_u128 {
            for session in 0..(round + 1) * 100 {
                sources.of_event(session, 0, || Some(named(&format!("{session}-{}", "x".repeat(400)))));
            }
        }
        // 600 bytes each and two generations, each with one source more than its limit.
        assert!(sources.len() <= 2 * BYTES / 500, "{}", sources.len());
    }

    proptest! {
        #[test]
        fn what_came_while_the_clock_had_leapt_is_forgotten_like_all_else(
            leaps in prop::collection::vec(prop_oneof![any::<i64>(), Just(i64::MAX), Just(i64::MIN)], 0..20),
        ) {
            let mut sources = SessionSources::new(100, 1 << 20);
            for (session, time) in leaps.iter().enumerate() {
                sources.of_event(session as u128, *time, || Some(named("google")));
            }
            for turn in 1..4 {
                sources.of_event(u128::MAX, 1_800_000_000_000 + turn * (TIMEOUT_MS + 1), || Some(named("bing")));
            }
            prop_assert_eq!(sources.len(), 1);
        }

        #[test]
        fn agrees_with_a_plain_map(steps in prop::collection::vec((0_u128..20, 0_u8..4), 1..200)) {
            let mut sources = SessionSources::new(1_000, 1 << 20);
            let mut model: HashMap<u128, Option<String>> = HashMap::new();
            for (at, (session, from)) in steps.into_iter().enumerate() {
                let decided = (from > 0).then(|| from.to_string());
                let known = model.entry(session).or_default();
                *known = known.take().or_else(|| decided.clone());
                let expected = known.clone();
                let found = sources.of_event(session, at as i64, || decided.as_deref().map(named));
                prop_assert_eq!(name(found), expected);
            }
        }
    }
}
