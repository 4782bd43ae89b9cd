//! The oracle's aggregates: what websites had in whole UTC hours and days, of the events, and of the sessions that began on them.

use std::collections::{BTreeMap, BTreeSet};

use super::oracle::{Event, Part, Reach, seconds};
use super::tables::{Rows, Said, Tables};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A row that is being added up.
#[derive(Default)]
struct Sum {
    users: BTreeSet<String>,
    sessions: BTreeSet<String>,
    numbers: Vec<f64>,
}

impl Sum {
    fn add(&mut self, numbers: &[f64], weight: f64) {
        self.numbers.resize(numbers.len(), 0.0);
        for (sum, number) in self.numbers.iter_mut().zip(numbers) {
            *sum += number / weight;
        }
    }
}

/// Rows that are being added up, and whether they tell how many sessions there were.
struct Sums {
    rows: BTreeMap<Vec<String>, Sum>,
    tell_sessions: bool,
}

impl Sums {
    fn new(tell_sessions: bool) -> Self {
        Self { rows: BTreeMap::new(), tell_sessions }
    }

    fn at(&mut self, key: Vec<String>) -> &mut Sum {
        self.rows.entry(key).or_default()
    }

    fn rows(self) -> Rows {
        let said = |sum: Sum| {
            let mut texts = vec![sum.users.len().to_string()];
            texts.extend(self.tell_sessions.then(|| sum.sessions.len().to_string()));
            Said { texts, numbers: sum.numbers }
        };
        self.rows.into_iter().map(|(key, sum)| (key, said(sum))).collect()
    }
}

/// The begin of the hour or day that a time lies in.
fn floor(time: i64, span: i64) -> i64 {
    time.div_euclid(span) * span
}

impl Reach {
    fn has_hour(&self, hour: i64) -> bool {
        hour >= self.whole_from && hour + HOUR_MS <= self.whole_to
    }

    fn has_day(&self, day: i64) -> bool {
        day >= self.whole_from && day + DAY_MS <= self.whole_to
    }
}

/// The tables that are made of the events of whole hours and whole days.
pub(super) fn of_events(events: &[Event<'_>], reach: Reach) -> Tables {
    let mut hours = Sums::new(true);
    let mut days = Sums::new(true);
    let mut pages = Sums::new(true);
    let mut rollups = Sums::new(false);
    for event in events {
        let (visitor, happening) = (event.visitor, event.happening);
        let (hour, day) = (floor(event.place.0, HOUR_MS), floor(event.place.0, DAY_MS));
        let is_bot = u8::from(visitor.is_bot).to_string();
        let (is_view, engagement) =
            (f64::from(u8::from(event.is_view())), f64::from(happening.engagement_ms));
        for (sums, start, is_whole) in
            [(&mut hours, hour, reach.has_hour(hour)), (&mut days, day, reach.has_day(day))]
        {
            if is_whole {
                let sum = sums.at(vec![visitor.website.clone(), seconds(start), is_bot.clone()]);
                sum.add(&[1.0, is_view, engagement], visitor.sample_rate);
                sum.users.insert(visitor.user.clone());
                sum.sessions.insert(visitor.session.clone());
            }
        }
        if reach.has_hour(hour) && (event.is_view() || happening.engagement_ms > 0) {
            let sum = pages.at(vec![
                visitor.website.clone(),
                happening.path.to_owned(),
                seconds(hour),
                visitor.country.to_owned(),
                visitor.device.to_owned(),
                is_bot.clone(),
            ]);
            sum.add(&[is_view, engagement], visitor.sample_rate);
            if event.is_view() {
                sum.users.insert(visitor.user.clone());
                sum.sessions.insert(visitor.session.clone());
            }
        }
        for (span, start, is_whole) in [("1", hour, reach.has_hour(hour)), ("24", day, reach.has_day(day))] {
            if !(is_whole && event.is_view()) {
                continue;
            }
            for (dimension, value) in dimensions(event) {
                let key = [&visitor.website, dimension, span, &seconds(start), &value, &is_bot];
                let sum = rollups.at(key.map(str::to_owned).to_vec());
                sum.add(&[1.0], visitor.sample_rate);
                sum.users.insert(visitor.user.clone());
            }
        }
    }
    Tables::from([
        ("hourly_summary_local", hours.rows()),
        ("daily_summary_local", days.rows()),
        ("page_views_hourly_local", pages.rows()),
        ("page_view_rollups_local", rollups.rows()),
    ])
}

/// What page views are listed by.
fn dimensions(event: &Event<'_>) -> [(&'static str, String); 6] {
    let visitor = event.visitor;
    let (channel, source) = visitor
        .source
        .as_ref()
        .map_or_else(|| ("other".to_owned(), String::new()), |source| (source[0].clone(), source[1].clone()));
    [
        ("page", event.happening.path.to_owned()),
        ("source", source),
        ("channel", channel),
        ("country", visitor.country.to_owned()),
        ("device", visitor.device.to_owned()),
        ("browser", visitor.browser.to_owned()),
    ]
}

/// What the sessions that began in the hours of whole days come to, and bounces by the hour of their page view.
pub(super) fn hourly_visits(parts: &[Part<'_>], reach: Reach) -> Rows {
    let mut rows: Rows = BTreeMap::new();
    let mut add = |part: &Part<'_>, time: i64, numbers: [f64; 7]| {
        if !reach.has_day(floor(time, DAY_MS)) {
            return;
        }
        let visitor = part.visitor();
        let hour = seconds(floor(time, HOUR_MS));
        let key = vec![visitor.website.clone(), hour, u8::from(visitor.is_bot).to_string()];
        let row = rows.entry(key).or_insert_with(|| Said { texts: Vec::new(), numbers: vec![0.0; 7] });
        for (sum, number) in row.numbers.iter_mut().zip(numbers) {
            *sum += number / visitor.sample_rate;
        }
    };
    for part in parts {
        let is = |is: bool| f64::from(u8::from(is));
        let came_to = [
            1.0,
            is(part.is_bounce()),
            part.duration() as f64,
            part.views().count() as f64,
            is(part.is_conversion),
            part.revenue(),
            0.0,
        ];
        add(part, part.first(), came_to);
        if let Some(landing) = part.views().next().filter(|_| part.is_bounce()) {
            add(part, landing.place.0, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        }
    }
    rows
}

/// The sources of the sessions that began on whole days.
pub(super) fn traffic_sources(parts: &[Part<'_>], reach: Reach) -> Rows {
    let mut sums = Sums::new(false);
    for part in parts {
        let day = floor(part.first(), DAY_MS);
        if !reach.has_day(day) {
            continue;
        }
        let visitor = part.visitor();
        let [class, name, medium, campaign, _, _] = part.source();
        let is_bot = u8::from(visitor.is_bot).to_string();
        let sum = sums.at(vec![visitor.website.clone(), seconds(day), class, name, medium, campaign, is_bot]);
        let numbers = [
            1.0,
            part.views().count() as f64,
            part.revenue(),
            part.transactions() as f64,
            part.duration() as f64,
            f64::from(u8::from(part.is_bounce())),
            f64::from(u8::from(part.is_conversion)),
        ];
        sum.add(&numbers, visitor.sample_rate);
        sum.users.insert(visitor.user.clone());
    }
    sums.rows()
}
