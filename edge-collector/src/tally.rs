//! Drops of requests that store nothing, added up until the flusher journals them. In memory for a quarter of a second.

use std::collections::HashMap;
use std::sync::Arc;

use footfall_proto::reason;
use footfall_proto::relay::{DropReason, Record, Tally};
use footfall_proto::traffic_source;
use parking_lot::Mutex;

pub mod flusher;

/// Counts by reason, indexed by the reason's number.
pub type Counts = [u64; reason::ALL.len() + 1];

/// Drops by site and policy; one small entry for each site that had any since the last flush.
#[derive(Debug, Default)]
pub struct Tallies(Mutex<HashMap<TallyKey, Counts>>);

/// What a tally counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TallyKey {
    website_id: Arc<str>,
    policy_id: u64,
}

impl Tallies {
    /// Adds `count` drops of one reason.
    pub fn add(&self, website_id: &Arc<str>, policy_id: u64, reason: DropReason, count: u64) {
        let mut counts = Counts::default();
        counts[reason as usize] = count;
        self.merge(website_id, policy_id, &counts);
    }

    /// Adds the drops of one request.
    pub fn merge(&self, website_id: &Arc<str>, policy_id: u64, counts: &Counts) {
        let key = TallyKey { website_id: Arc::clone(website_id), policy_id };
        let mut held = self.0.lock();
        let sums = held.entry(key).or_default();
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }

    /// Takes everything out, as one record without events per site. What cannot be journalled goes back by
    /// [`Tallies::restore`].
    #[must_use]
    pub fn take(&self, now_ms: i64) -> Vec<Record> {
        let taken = std::mem::take(&mut *self.0.lock());
        let record = |(key, counts): (TallyKey, Counts)| Record {
            website_id: key.website_id.to_string(),
            server_timestamp_ms: now_ms,
            policy_id: key.policy_id,
            tallies: rows(&counts),
            traffic_source_version: traffic_source::VERSION,
            ..Record::default()
        };
        taken.into_iter().map(record).collect()
    }

    /// Puts records back that [`Tallies::take`] gave.
    pub fn restore(&self, records: &[Record]) {
        for record in records {
            let mut counts = Counts::default();
            for tally in &record.tallies {
                counts[tally.reason() as usize] += tally.count;
            }
            self.merge(&record.website_id.as_str().into(), record.policy_id, &counts);
        }
    }
}

/// The counts that are not zero, as a record carries them.
#[must_use]
pub fn rows(counts: &Counts) -> Vec<Tally> {
    let some = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    some.map(|(reason, count)| Tally { reason: reason as i32, count: *count }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_add_up_per_site_and_survive_a_failed_flush() {
        let tallies = Tallies::default();
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        tallies.add(&one, 1, DropReason::Bot, 3);
        tallies.add(&one, 1, DropReason::Bot, 4);
        tallies.add(&one, 1, DropReason::Origin, 1);
        tallies.add(&two, 1, DropReason::Gpc, 1);
        let taken = tallies.take(5);
        assert_eq!(taken.len(), 2);
        assert!(tallies.take(5).is_empty());
        tallies.restore(&taken);
        tallies.add(&two, 1, DropReason::Gpc, 1);
        let mut again = tallies.take(6);
        again.sort_by(|a, b| a.website_id.cmp(&b.website_id));
        let row = |reason: DropReason, count| Tally { reason: reason as i32, count };
        assert_eq!(again[0].tallies, [row(DropReason::Bot, 7), row(DropReason::Origin, 1)]);
        assert_eq!(again[1].tallies, [row(DropReason::Gpc, 2)]);
        assert!(again.iter().all(|record| record.events.is_empty() && record.server_timestamp_ms == 6));
    }
}
