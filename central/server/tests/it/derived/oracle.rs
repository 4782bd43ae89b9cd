//! What the derived tables have to hold, in plain Rust: a function of the list of events, of the goals, of what dimensions belong to, and of how far the tables are. It
//! knows the meaning of every figure and nothing of how the store computes it.

use std::collections::BTreeMap;

use footfall_metadata::MatchType;

use super::aggregates;
use super::dimensions::{Scopes, Words};
use super::event::{Goal, Happening, Target, Visitor};
use super::tables::{Rows, Said, Tables};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A session with one page view and less engagement than this bounces, milliseconds.
const BOUNCE_MS: u64 = 10_000;

/// An event that is stored and no repeat of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    /// When it was received, and where it stands in the log.
    pub(super) place: (i64, u64, u32),
    pub(super) visitor: &'a Visitor,
    pub(super) happening: &'a Happening,
}

impl Event<'_> {
    pub(super) fn is_view(&self) -> bool {
        self.happening.kind == "pageview"
    }

    fn is_interaction(&self) -> bool {
        !self.is_view() && self.happening.kind != "engagement"
    }
}

/// How far the tables are; times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) log_offset: u64,
    pub(super) whole_from: i64,
    pub(super) whole_to: i64,
    pub(super) sessions_from: i64,
    pub(super) sessions_to: i64,
    /// Requests that something be computed again, and one more where days lack their visits by hour.
    pub(super) pending: u64,
}

/// A session, or a part of one that goes on for more than a day, that has ended.
pub(super) struct Part<'a> {
    pub(super) id: String,
    pub(super) events: Vec<Event<'a>>,
    pub(super) is_conversion: bool,
}

/// What every table holds.
pub(super) fn tables(events: &[Event<'_>], goals: &[Goal], scopes: &Scopes, reach: Reach) -> Tables {
    let words = Words::new(events, scopes);
    let mut parts = parts(events);
    parts.retain(|part| part.last() > reach.sessions_from && part.last() <= reach.sessions_to);
    let (mut sessions, mut conversions) = (Rows::new(), Rows::new());
    for part in &mut parts {
        let reached = part.conversions(goals);
        part.is_conversion = !reached.is_empty();
        conversions.extend(reached);
        sessions.insert(part.key(), part.row(&words));
    }
    let mut tables = aggregates::of_events(events, reach);
    tables.insert("traffic_sources_daily_local", aggregates::traffic_sources(&parts, reach));
    tables.insert("hourly_visits_local", aggregates::hourly_visits(&parts, reach));
    tables.insert("sessions_local", sessions);
    tables.insert("conversions_local", conversions);
    tables
}

/// Cuts what each visitor did.
fn parts<'a>(events: &[Event<'a>]) -> Vec<Part<'a>> {
    let mut sessions: BTreeMap<_, Vec<Event<'a>>> = BTreeMap::new();
    for event in events {
        let visitor = event.visitor;
        sessions.entry((&visitor.website, &visitor.session, visitor.is_bot)).or_default().push(*event);
    }
    let mut all = Vec::new();
    for ((_, session, _), mut events) in sessions {
        events.sort_by_key(|event| event.place);
        let mut open: Option<Part<'a>> = None;
        for event in events {
            let time = event.place.0;
            if let Some(part) = open.as_mut().filter(|part| time < part.first() + DAY_MS) {
                part.events.push(event);
                continue;
            }
            let goes_on = open.as_ref().is_some_and(|part| time < part.last() + DAY_MS);
            let id = if goes_on { format!("{session}~{time}") } else { session.clone() };
            all.extend(open.replace(Part { id, events: vec![event], is_conversion: false }));
        }
        all.extend(open);
    }
    all
}

impl Part<'_> {
    /// When it began, milliseconds since 1970.
    pub(super) fn first(&self) -> i64 {
        self.events[0].place.0
    }

    /// When its last event was received, milliseconds since 1970.
    pub(super) fn last(&self) -> i64 {
        self.events[self.events.len() - 1].place.0
    }

    /// Whose first event it is that says most.
    pub(super) fn visitor(&self) -> &Visitor {
        self.events[0].visitor
    }

    pub(super) fn views(&self) -> impl Iterator<Item = &Event<'_>> {
        self.events.iter().filter(|event| event.is_view())
    }

    pub(super) fn transactions(&self) -> usize {
        self.events.iter().filter(|event| event.happening.kind == "transaction").count()
    }

    pub(super) fn revenue(&self) -> f64 {
        self.events.iter().filter_map(|event| event.happening.revenue).sum()
    }

    /// Whole seconds.
    pub(super) fn duration(&self) -> i64 {
        (self.last() - self.first()) / 1000
    }

    fn engagement_ms(&self) -> u64 {
        self.events.iter().map(|event| u64::from(event.happening.engagement_ms)).sum()
    }

    pub(super) fn is_bounce(&self) -> bool {
        self.views().count() == 1
            && !self.events.iter().any(Event::is_interaction)
            && self.engagement_ms() < BOUNCE_MS
    }

    /// Of the first event whose source was known, or else of the first one.
    pub(super) fn source(&self) -> [String; 6] {
        let known = self.events.iter().find_map(|event| event.visitor.source.clone());
        known.unwrap_or_else(|| ["other", "", "", "", "", ""].map(str::to_owned))
    }

    fn key(&self) -> Vec<String> {
        let visitor = self.visitor();
        vec![
            visitor.website.clone(),
            seconds(self.first()),
            self.id.clone(),
            u8::from(visitor.is_bot).to_string(),
        ]
    }

    fn row(&self, words: &Words<'_>) -> Said {
        let visitor = self.visitor();
        let landing = self.views().next();
        let path =
            |event: Option<&Event<'_>>| event.map_or_else(String::new, |event| event.happening.path.into());
        let mut texts = vec![
            visitor.user.clone(),
            seconds(self.last()),
            self.duration().to_string(),
            self.views().count().to_string(),
            self.events.len().to_string(),
            self.transactions().to_string(),
            self.engagement_ms().to_string(),
            path(landing),
            path(self.views().last()),
            seconds(landing.map_or(self.first(), |event| event.place.0)),
        ];
        texts.extend(self.source());
        let of_visitor =
            [visitor.device, visitor.browser, visitor.os, visitor.country, visitor.region, visitor.city];
        texts.extend(of_visitor.map(str::to_owned));
        texts.extend([self.is_bounce(), self.is_conversion].map(|is| u8::from(is).to_string()));
        texts.extend((1..=20).map(|number| words.of(self, number)));
        Said { texts, numbers: vec![self.revenue(), visitor.sample_rate] }
    }

    /// Which goals it reached.
    fn conversions(&self, goals: &[Goal]) -> Rows {
        let visitor = self.visitor();
        let of_site = goals.iter().filter(|goal| goal.website == visitor.website);
        let counts = of_site.filter(|goal| self.first() < goal.valid_to);
        let reached = counts.filter_map(|goal| self.reached(goal.target).map(|reached| (goal, reached)));
        let row = |(goal, (at, times)): (&Goal, (i64, usize))| {
            let mut key = self.key();
            key.push(goal.id.clone());
            let texts = vec![visitor.user.clone(), at.to_string(), times.to_string()];
            (key, Said { texts, numbers: vec![self.revenue(), visitor.sample_rate] })
        };
        reached.map(row).collect()
    }

    /// When and how often, if at all.
    fn reached(&self, target: Target) -> Option<(i64, usize)> {
        let of_events = |wanted: &dyn Fn(&Event<'_>) -> bool| {
            let mut times = self.events.iter().filter(|event| wanted(event)).map(|event| event.place.0);
            times.next().map(|first| (first, times.count() + 1))
        };
        match target {
            Target::Page(kind, pattern) => {
                of_events(&|event| event.is_view() && is_like(kind, pattern, event.happening.path))
            }
            Target::Event(kind, pattern) => {
                of_events(&|event| event.is_interaction() && is_like(kind, pattern, event.happening.action))
            }
            Target::Duration(hundredths) => {
                let reached = self.first() + hundredths * 10;
                (self.last() >= reached).then_some((reached, 1))
            }
            Target::Pages(hundredths) => {
                let pages = hundredths.unsigned_abs().div_ceil(100) as usize;
                self.views().nth(pages - 1).map(|event| (event.place.0, 1))
            }
        }
    }
}

/// Of regular expressions, those that the histories' goals have.
fn is_like(kind: MatchType, pattern: &str, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match (kind, pattern) {
        (MatchType::Equals, _) => text == pattern,
        (MatchType::BeginsWith, _) => text.starts_with(pattern),
        (MatchType::Regex, "^/blog/[0-9]+$") => text.strip_prefix("/blog/").is_some_and(digits),
        (MatchType::Regex, "(?i)buy") => text.to_lowercase().contains("buy"),
        (MatchType::Regex, "'") => text.contains('\''),
        (MatchType::Regex, _) => panic!("no goal of a history has the pattern {pattern}"),
    }
}

/// A moment as the tables' whole seconds.
pub(super) fn seconds(time: i64) -> String {
    time.div_euclid(1000).to_string()
}
