//! Any two plans that can answer a question give the same answer: what is read from tables as far as they suffice is compared with what is
//! read from the events alone.

use std::collections::BTreeSet;

use fastrand::Rng;
use footfall_query::{Interval, Piece, PlanChoice, Question, Reports, SeriesQuestion, Stats, Zone};

use super::history::{Site, ZONES};
use super::system::{System, now_ms};
use crate::reports::{assert_same, period};

/// Questions about each run's websites, half of them about a course.
const QUESTIONS: usize = 12;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// Asks about periods that lie around `window` and says from which sources they were answered.
///
/// # Panics
/// When two answers differ.
pub(super) async fn agree(
    system: &System,
    sites: &[Site],
    window: (i64, i64),
    rng: &mut Rng,
) -> BTreeSet<String> {
    let reports = crate::support::reports(system.query_client());
    let mut sources = BTreeSet::new();
    for number in 0..QUESTIONS {
        let site = &sites[rng.usize(..sites.len())];
        let asked = if number < 2 { window } else { between(rng, window) };
        let pieces = if number % 2 == 0 {
            stats(&reports, site, asked, rng.bool()).await
        } else {
            series(&reports, site, asked, [Interval::Hour, Interval::Day][rng.usize(..2)], rng.bool()).await
        };
        let (events, visits) = pieces;
        sources.extend(events.iter().chain(&visits).map(|piece| format!("{:?}", piece.source)));
    }
    sources
}

/// A period whose ends lie anywhere, or on hours.
fn between(rng: &mut Rng, (from, to): (i64, i64)) -> (i64, i64) {
    let mut end = || {
        let any = rng.i64(from - 2 * HOUR_MS..to + 2 * HOUR_MS);
        if rng.bool() { any.div_euclid(HOUR_MS) * HOUR_MS } else { any }
    };
    let (one, other) = (end(), end());
    (one.min(other), one.max(other))
}

async fn stats(
    reports: &Reports,
    site: &Site,
    (from, to): (i64, i64),
    bots: bool,
) -> (Vec<Piece>, Vec<Piece>) {
    let ask = async |choice| {
        let website_id = site.website.clone();
        let question = Question { website_id, period: period(from, to), limit: 100, bots, choice };
        reports.stats(question, now_ms()).await.expect("an answer")
    };
    let (best, raw) = (ask(PlanChoice::Best).await, ask(PlanChoice::Raw).await);
    let what = format!("{site:?} {from} {to} bots {bots} {:?} {:?}", best.basis.plan, best.basis.visits_plan);
    assert_same(&best.answer, &raw.answer, &what);
    let sessions = |stats: &Stats| stats.of_sessions.as_ref().map(|of| (of.visits.bounces, of.visits.visits));
    if let Some((bounces, visits)) = sessions(&best.answer) {
        // A bounce counts where its page was viewed: at the period's begin its session may have begun before.
        let before = stats_before(reports, site, from, to, bots).await;
        assert!(bounces <= visits + before, "{what}: {bounces} of {visits} and {before}");
    }
    (best.basis.plan, best.basis.visits_plan)
}

/// Visits of the day before a period, of which a bounce within it may be.
async fn stats_before(reports: &Reports, site: &Site, from: i64, to: i64, bots: bool) -> u64 {
    if from == to {
        return 0;
    }
    let website_id = site.website.clone();
    let period = period(from - 24 * HOUR_MS, from);
    let question = Question { website_id, period, limit: 1, bots, choice: PlanChoice::Best };
    let answered = reports.stats(question, now_ms()).await.expect("an answer");
    answered.answer.of_sessions.map_or(0, |of| of.visits.visits)
}

async fn series(
    reports: &Reports,
    site: &Site,
    (from, to): (i64, i64),
    interval: Interval,
    bots: bool,
) -> (Vec<Piece>, Vec<Piece>) {
    let ask = async |choice| {
        let question = SeriesQuestion {
            website_id: site.website.clone(),
            period: period(from, to),
            interval,
            zone: Zone::named(ZONES[site.zone].0).expect("a zone"),
            bots,
            choice,
        };
        reports.series(question, now_ms()).await.expect("an answer")
    };
    let (best, raw) = (ask(PlanChoice::Best).await, ask(PlanChoice::Raw).await);
    let what = format!(
        "{site:?} {from} {to} by {interval:?} bots {bots} {:?} {:?}",
        best.basis.plan, best.basis.visits_plan
    );
    assert_same(&best.answer, &raw.answer, &what);
    (best.basis.plan, best.basis.visits_plan)
}
