//! The websites of a history and their goals, in a metadata of their own.

use fastrand::Rng;
use footfall_metadata::{MatchType, Metadata, Pattern, Website};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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

/// Adds a few websites of different zones, and returns them with how they are called in the metadata.
pub(super) async fn websites(metadata: &Metadata, rng: &mut Rng, history: u64) -> Vec<(Website, Site)> {
    let mut sites = Vec::new();
    let first_zone = rng.usize(..ZONES.len());
    for number in 0..rng.usize(2..=ZONES.len()) {
        let zone = (first_zone + number) % ZONES.len();
        let sample_rate = [1.0, 1.0, 0.3, 0.5][rng.usize(..4)];
        let mut new = site(&format!("site-{number}.history-{history}.example"), None);
        ZONES[zone].0.clone_into(&mut new.timezone);
        new.sampling_rate = sample_rate;
        let website = metadata.add_website(new).await.expect("added");
        let site = Site { website: website.website_id.clone(), zone, sample_rate };
        sites.push((website, site));
    }
    sites
}

/// Adds some goals to a website; a few of them were retired at a time between two.
pub(super) async fn goals(
    fixture: &Fixture,
    metadata: &Metadata,
    rng: &mut Rng,
    website: &Website,
    (from, to): (i64, i64),
) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (number, target) in TARGETS.into_iter().enumerate() {
        if rng.u8(..100) < 40 {
            continue;
        }
        let added = metadata.add_goal(website, &format!("goal {number}"), &as_metadata(target)).await;
        let goal_id = added.expect("added").goal_id;
        let retired = (rng.u8(..100) < 25).then(|| rng.i64(from..to));
        if let Some(valid_to) = retired {
            let until = OffsetDateTime::from_unix_timestamp_nanos(i128::from(valid_to) * 1_000_000);
            let until = until.expect("a time").format(&Rfc3339).expect("written");
            let sql = format!(
                "UPDATE goals SET valid_from = '2020-01-01T00:00:00.000Z', valid_to = '{until}', is_active = 0 \
                 WHERE goal_id = '{goal_id}'"
            );
            fixture.sql(&sql).await.expect("changed");
        }
        let website = website.website_id.clone();
        goals.push(Goal { website, goal_id, target, valid_to: retired.unwrap_or(i64::MAX) });
    }
    goals
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
