//! The websites of a history, their goals, and what their dimensions belong to, in a metadata of their own.

use fastrand::Rng;
use footfall_metadata::{MatchType, Metadata, Pattern, Scope, Website};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::dimensions::Scopes;
use super::event::{Goal, Target};
use super::history::{Site, ZONES};
use crate::metadata::fixture::{Fixture, site};

/// All kinds of goals, and all ways to compare.
const TARGETS: [Target; 14] = [
    Target::Page(MatchType::Equals, "/thanks"),
    Target::Page(MatchType::BeginsWith, "/shop"),
    Target::Page(MatchType::Regex, "^/blog/[0-9]+$"),
    Target::Page(MatchType::Regex, "'"),
    Target::Event(MatchType::Equals, "signup"),
    Target::Event(MatchType::BeginsWith, "play"),
    Target::Event(MatchType::Regex, "(?i)buy"),
    Target::Event(MatchType::Equals, "buy\\now"),
    Target::Duration(3_050),
    Target::Duration(6_410),
    Target::Duration(8_000_000),
    Target::Pages(100),
    Target::Pages(250),
    Target::Pages(400),
];

/// Whoever owns the websites, and what they want visitors to do.
pub(super) struct Owners {
    fixture: Fixture,
    metadata: Metadata,
    websites: Vec<Website>,
    pub(super) goals: Vec<Goal>,
    pub(super) scopes: Scopes,
}

impl Owners {
    pub(super) async fn new() -> Self {
        let fixture = Fixture::sqlite();
        let metadata = fixture.open().await;
        Self { fixture, metadata, websites: Vec::new(), goals: Vec::new(), scopes: Scopes::new() }
    }

    pub(super) fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    /// Adds a few websites of different zones.
    pub(super) async fn add_websites(&mut self, rng: &mut Rng, history: u64) -> Vec<Site> {
        let mut sites = Vec::new();
        let first_zone = rng.usize(..ZONES.len());
        for number in 0..rng.usize(2..=ZONES.len()) {
            let zone = (first_zone + number) % ZONES.len();
            let sample_rate = [1.0, 1.0, 0.3, 0.5][rng.usize(..4)];
            let mut new = site(&format!("site-{number}.history-{history}.example"), None);
            ZONES[zone].0.clone_into(&mut new.timezone);
            new.sampling_rate = sample_rate;
            let website = self.metadata.add_website(new).await.expect("added");
            sites.push(Site { website: website.website_id.clone(), zone, sample_rate });
            self.websites.push(website);
        }
        sites
    }

    /// Adds some goals to some websites; a few of them were retired at a time between two.
    pub(super) async fn add_goals(&mut self, rng: &mut Rng, (from, to): (i64, i64)) {
        let round = self.goals.len();
        for website in &self.websites {
            let share = [0, 20, 60][rng.usize(..3)];
            for (number, target) in TARGETS.into_iter().enumerate() {
                if rng.u8(..100) >= share {
                    continue;
                }
                let name = format!("goal {round}.{number}");
                let added = self.metadata.add_goal(website, &name, &as_metadata(target)).await;
                let goal_id = added.expect("added").goal_id;
                let retired = (rng.u8(..100) < 25).then(|| rng.i64(from..to));
                if let Some(valid_to) = retired {
                    self.retire(&goal_id, valid_to).await;
                }
                let website = website.website_id.clone();
                self.goals.push(Goal { website, id: goal_id, target, valid_to: retired.unwrap_or(i64::MAX) });
            }
        }
    }

    /// Says of some websites what some of their dimensions belong to, or that they are no more.
    pub(super) async fn change_dimensions(&mut self, rng: &mut Rng) {
        for website in self.websites.clone() {
            let share = [0, 20, 60][rng.usize(..3)];
            for number in 1..=20 {
                if rng.u8(..100) < share {
                    let scope = [Scope::Hit, Scope::Session, Scope::User, Scope::User][rng.usize(..4)];
                    self.set(&website, number, (rng.u8(..100) < 80).then_some(scope)).await;
                }
            }
        }
    }

    /// Has some websites' dimensions belong to what they belonged to before.
    pub(super) async fn restore_dimensions(&mut self, rng: &mut Rng, before: &Scopes) {
        for website in self.websites.clone() {
            if rng.bool() {
                for number in 1..=20 {
                    let scope = before.get(&(website.website_id.clone(), number)).copied();
                    self.set(&website, number, scope).await;
                }
            }
        }
    }

    /// What a dimension belongs to; nothing where it is in use no longer.
    async fn set(&mut self, website: &Website, number: u32, scope: Option<Scope>) {
        let key = (website.website_id.clone(), number);
        if self.scopes.get(&key).copied() == scope {
            return;
        }
        let index = number.to_string().parse().expect("an index");
        if let Some(scope) = scope {
            let name = format!("dimension {number}");
            self.metadata.set_dimension(website, index, &name, scope).await.expect("set");
            self.scopes.insert(key, scope);
        } else {
            self.metadata.retire_dimension(website, index).await.expect("retired");
            self.scopes.remove(&key);
        }
    }

    /// As if it had been retired at this time.
    async fn retire(&self, goal_id: &str, valid_to: i64) {
        let until = OffsetDateTime::from_unix_timestamp_nanos(i128::from(valid_to) * 1_000_000);
        let until = until.expect("a time").format(&Rfc3339).expect("written");
        let sql = format!(
            "UPDATE goals SET valid_from = '2020-01-01T00:00:00.000Z', valid_to = '{until}', is_active = 0 \
             WHERE goal_id = '{goal_id}'"
        );
        self.fixture.sql(&sql).await.expect("changed");
    }
}

fn as_metadata(target: Target) -> footfall_metadata::Target {
    let pattern = |kind, value| Pattern::new(kind, value).expect("good");
    match target {
        Target::Page(kind, value) => footfall_metadata::Target::Destination(pattern(kind, value)),
        Target::Event(kind, value) => footfall_metadata::Target::Event(pattern(kind, value)),
        Target::Duration(hundredths) => footfall_metadata::Target::Duration(hundredths as f64 / 100.0),
        Target::Pages(hundredths) => footfall_metadata::Target::PagesPerSession(hundredths as f64 / 100.0),
    }
}
