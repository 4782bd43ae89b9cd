//! What websites' hours and sessions come to, counted from the events as they are made. Plain data; knows no table and no server.

use std::collections::{BTreeMap, BTreeSet};

/// An hour, milliseconds.
pub(crate) const HOUR_MS: i64 = 3_600_000;
/// A session with one page view and less engagement than this bounces, milliseconds.
const BOUNCE_MS: u64 = 10_000;

/// What somebody did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    View,
    /// So many milliseconds.
    Engagement(u32),
    Interaction,
}

/// An event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) site: usize,
    pub(crate) session: u32,
    pub(crate) user: u32,
    pub(crate) time_ms: i64,
    pub(crate) kind: Kind,
}

/// What a website had in an hour.
#[derive(Default)]
struct Hour {
    views: u64,
    users: BTreeSet<u32>,
    sessions: BTreeSet<u32>,
}

/// What a visitor did.
struct Session {
    site: usize,
    last_ms: i64,
    views: u32,
    interacts: bool,
    engagement_ms: u64,
}

/// All of it.
#[derive(Default)]
pub(crate) struct Expected {
    hours: BTreeMap<(usize, i64), Hour>,
    sessions: Vec<Session>,
}

impl Expected {
    /// Adds an event; sessions are numbered as they begin.
    pub(crate) fn add(&mut self, seen: &Seen) {
        let hour = self.hours.entry((seen.site, seen.time_ms.div_euclid(HOUR_MS))).or_default();
        hour.users.insert(seen.user);
        hour.sessions.insert(seen.session);
        hour.views += u64::from(matches!(seen.kind, Kind::View));
        let index = seen.session as usize;
        if index == self.sessions.len() {
            let begun = Session { site: seen.site, last_ms: 0, views: 0, interacts: false, engagement_ms: 0 };
            self.sessions.push(begun);
        }
        let session = &mut self.sessions[index];
        session.last_ms = session.last_ms.max(seen.time_ms);
        match seen.kind {
            Kind::View => session.views += 1,
            Kind::Engagement(engagement_ms) => session.engagement_ms += u64::from(engagement_ms),
            Kind::Interaction => session.interacts = true,
        }
    }

    /// Page views, distinct users and distinct sessions of a website in the hour with this number since 1970.
    pub(crate) fn hour(&self, site: usize, hour: i64) -> (u64, u64, u64) {
        let counts = |hour: &Hour| (hour.views, hour.users.len() as u64, hour.sessions.len() as u64);
        self.hours.get(&(site, hour)).map_or((0, 0, 0), counts)
    }

    /// Of each website the sessions whose last event was in one of these seconds since 1970, and how many of them were bounces.
    pub(crate) fn ended(&self, sites: usize, seconds: (i64, i64)) -> Vec<(u64, u64)> {
        let mut ended = vec![(0, 0); sites];
        for session in &self.sessions {
            let second = session.last_ms.div_euclid(1000);
            if second < seconds.0 || second >= seconds.1 {
                continue;
            }
            let is_bounce = session.views == 1 && !session.interacts && session.engagement_ms < BOUNCE_MS;
            ended[session.site].0 += 1;
            ended[session.site].1 += u64::from(is_bounce);
        }
        ended
    }
}
