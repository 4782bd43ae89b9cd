//! What rebuilding the view needs beside an writer: to empty it, and to count what it holds.

use std::collections::BTreeMap;

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{HashesInterface as _, KeysInterface as _};
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};

use super::Redis;
use super::changes::Changes;
use crate::{LiveError, LiveEvent};

/// Keys looked at in one step of a scan.
const SCANNED: u32 = 1000;
/// Most questions under way at once.
const AT_ONCE: usize = 64;

/// Events and page views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinuteCounts {
    /// Events.
    pub events: u64,
    /// Those of them that are page views.
    pub pageviews: u64,
}

impl Redis {
    /// Removes minutes, sessions and positions: whoever feeds a partition begins anew. What visitors did before stays.
    ///
    /// # Errors
    /// [`LiveError`]; some keys may be gone.
    pub async fn clear(&self) -> Result<(), LiveError> {
        let client = self.connection.up()?.client;
        for pattern in self.keys.of_the_view() {
            let keys: Vec<String> = self.matching(&client, pattern).try_collect().await?;
            // One by one: in a cluster they lie on several nodes.
            let gone = keys.into_iter().map(|key| async { client.unlink::<i64, _>(key).await.map(drop) });
            let mut gone = futures_util::stream::iter(gone).buffer_unordered(AT_ONCE);
            while let Some(gone) = gone.next().await {
                gone.map_err(|error| self.connection.away(&error))?;
            }
        }
        Ok(())
    }

    /// What the minutes hold, all websites together, by minute since 1970.
    ///
    /// # Errors
    /// [`LiveError`].
    pub async fn held(&self) -> Result<BTreeMap<i64, MinuteCounts>, LiveError> {
        let client = self.connection.up()?.client;
        let keys: Vec<String> = self.matching(&client, self.keys.minutes()).try_collect().await?;
        let mut held: BTreeMap<i64, MinuteCounts> = BTreeMap::new();
        let asked = keys.into_iter().filter_map(|key| Some((self.keys.minute_of(&key)?, key))).map(
            |(minute, key)| {
                let client = &client;
                async move {
                    let counts: Result<(Option<u64>, Option<u64>), Error> =
                        client.hmget(key, vec!["events", "pageviews"]).await;
                    counts.map(|counts| (minute, counts))
                }
            },
        );
        let mut asked = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE);
        while let Some(counts) = asked.next().await {
            let (minute, (events, pageviews)) = counts.map_err(|error| self.connection.away(&error))?;
            let minute_counts = held.entry(minute).or_default();
            minute_counts.events += events.unwrap_or(0);
            minute_counts.pageviews += pageviews.unwrap_or(0);
        }
        Ok(held)
    }

    fn matching<'a>(
        &'a self,
        client: &'a Client,
        pattern: String,
    ) -> BoxStream<'a, Result<String, LiveError>> {
        let text = |key: fred::types::Key| key.into_string().unwrap_or_default();
        let keys = if self.connection.options().cluster {
            client.scan_cluster_buffered(pattern, Some(SCANNED), None).boxed()
        } else {
            client.scan_buffered(pattern, Some(SCANNED), None).boxed()
        };
        keys.map(move |key| key.map(text).map_err(|error| self.connection.away(&error))).boxed()
    }
}

/// What events come to by minute since 1970, as far as they are of the view's hour at `now_ms`.
pub fn minute_counts(events: &[LiveEvent<'_>], now_ms: i64) -> BTreeMap<i64, MinuteCounts> {
    let mut counts: BTreeMap<i64, MinuteCounts> = BTreeMap::new();
    for ((_, minute), events) in &Changes::of(events, now_ms).minutes {
        if let Some(change) = events.after(None) {
            let minute_counts = counts.entry(*minute).or_default();
            minute_counts.events += change.events;
            minute_counts.pageviews += change.pageviews;
        }
    }
    counts
}

/// Whether a minute is still of the view's hour.
pub fn lives(minute: i64, now_ms: i64) -> bool {
    super::changes::minute_life_ms(minute, now_ms).is_some()
}
