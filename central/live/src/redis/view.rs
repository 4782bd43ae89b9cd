//! Reads how a website looks: all of its keys share a hash tag, so one node answers one pipeline.

use fred::interfaces::{HashesInterface as _, HyperloglogInterface as _, SortedSetsInterface as _};
use fred::types::Value;

use super::connection::Connection;
use super::keys::{Keys, LISTS};
use crate::LiveError;
use crate::realtime::{
    MAX_FUTURE_MINUTES, MINUTE_MS, PRESENT_MINUTES, RANKED_MINUTES, Ranking, Realtime, SERIES_MINUTES, SHOWN,
};

/// What one minute's hash says: page views, and those of names that were not kept, by list.
type Counts = (Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

/// How the website looks at `now_ms`.
pub(super) async fn snapshot(
    connection: &Connection,
    keys: &Keys,
    website_id: &str,
    now_ms: i64,
) -> Result<Realtime, LiveError> {
    let up = connection.up()?;
    let away = |error: fred::error::Error| connection.away(&error);
    let now = now_ms.div_euclid(MINUTE_MS);
    let span = |minutes: i64| now - minutes + 1..=now + MAX_FUTURE_MINUTES;
    let pipeline = up.client.pipeline();
    for minute in span(SERIES_MINUTES as i64) {
        let fields = vec![
            "pageviews",
            "other_pages",
            "other_sources",
            "other_channels",
            "other_countries",
            "other_devices",
        ];
        let _: () = pipeline.hmget(keys.minute(website_id, minute), fields).await.map_err(away)?;
    }
    let users: Vec<_> = span(PRESENT_MINUTES).map(|minute| keys.users(website_id, minute)).collect();
    let _: () = pipeline.pfcount(users).await.map_err(away)?;
    for list in LISTS {
        let lists: Vec<_> = span(RANKED_MINUTES).map(|minute| keys.list(website_id, minute, list)).collect();
        let _: () = pipeline.zunion(lists, None::<f64>, None, true).await.map_err(away)?;
    }
    let mut answers = pipeline.all::<Vec<Value>>().await.map_err(away)?.into_iter();

    let mut series = vec![0; SERIES_MINUTES];
    let (mut pageviews, mut others) = (0, [0; LISTS.len()]);
    for (minute, answer) in span(SERIES_MINUTES as i64).zip(answers.by_ref()) {
        let counts: Counts = answer.convert().map_err(away)?;
        let seen = counts.0.unwrap_or(0);
        // What edges whose clock is a little ahead have sent belongs to the running minute.
        let age = usize::try_from((now - minute).max(0)).expect("not negative");
        series[SERIES_MINUTES - 1 - age] += seen;
        if minute > now - RANKED_MINUTES {
            pageviews += seen;
            for (other, more) in others.iter_mut().zip([counts.1, counts.2, counts.3, counts.4, counts.5]) {
                *other += more.unwrap_or(0);
            }
        }
    }
    let mut next = || answers.next().unwrap_or(Value::Null);
    let visitors_now = next().convert().map_err(away)?;
    let mut rankings = others.into_iter().map(|other| {
        let counts: Vec<(String, f64)> = next().convert().map_err(away)?;
        let counts = counts.into_iter().map(|(name, count)| (name, count as u64)).collect();
        Ok(Ranking::of(counts, other, SHOWN))
    });
    let mut ranking = || rankings.next().expect("there are as many as lists");
    Ok(Realtime {
        at_ms: now_ms,
        visitors_now,
        visitors_now_at_least: false,
        pageviews_per_minute: series,
        pageviews,
        top_pages: ranking()?,
        sources: ranking()?,
        channels: ranking()?,
        countries: ranking()?,
        devices: ranking()?,
    })
}
